/** Edits between a word and the one that was meant: a letter missing, added, changed, or two of them. */
const MAX_EDITS = 2;

/**
 * The known word that was probably meant: the first that ends with it, such as overall_phase for phase, or else the one
 * with the fewest edits. Undefined where none is near.
 */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  const longer = known.find((candidate) => candidate.endsWith(`_${word}`));
  if (longer !== undefined) return longer;
  const near = known
    .map((candidate) => ({ candidate, edits: editsBetween(word, candidate) }))
    .filter(({ edits, candidate }) => edits <= Math.min(MAX_EDITS, Math.floor(candidate.length / 2)));
  return near.sort((one, other) => one.edits - other.edits)[0]?.candidate;
}

/** Levenshtein's distance, a row of his table at a time. */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(one).entries()) {
    const next = [index + 1];
    for (let column = 1; column <= other.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (letter === other[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
