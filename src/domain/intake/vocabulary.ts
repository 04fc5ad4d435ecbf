/**
 * Words that mean one thing in all sources and generations although they are spelled differently. Spelling apart from
 * case, hyphens and underscores is never guessed: a wrong word is refused, because it would be evidence for years.
 */
const SAME_WORDS: readonly (readonly string[])[] = [
  ['timeout', 'timedout'],
  ['partial', 'partialsuccess'],
];

/** The vocabulary's own spelling of a word; undefined when it has no such word. */
export function spellingOf(word: string, vocabulary: readonly string[]): string | undefined {
  const meant = variantsOf(plain(word));
  return vocabulary.find((known) => meant.includes(plain(known)));
}

/** All plain spellings that `spellingOf` accepts, for the description of a field. */
export function plainSpellings(vocabulary: readonly string[]): readonly string[] {
  return [...new Set(vocabulary.flatMap((word) => variantsOf(plain(word))))];
}

function variantsOf(word: string): readonly string[] {
  return SAME_WORDS.find((group) => group.includes(word)) ?? [word];
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[_\s-]/g, '');
}
