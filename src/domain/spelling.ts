/*
 * One spelling of each word that reports group by. Sources and generations write `production`, `Production` and `prod`, or
 * `Completed` and `completed`; in a column there is one of them, whoever brings it. What was seen stays in the ledger's
 * observations only as far as it is another word: spelling is no fact.
 */

/**
 * Words that mean one thing in all sources and generations although they are spelled differently. Spelling apart from
 * case, hyphens and underscores is never guessed: a wrong word would be evidence for years.
 */
const SAME_WORDS: readonly (readonly string[])[] = [
  ['timeout', 'timedout'],
  ['partial', 'partialsuccess'],
  // The types of 2025 allowed prod, staging and dev.
  ['production', 'prod'],
  ['development', 'dev'],
];

/** The vocabulary's own spelling of a word; undefined when it has no such word. */
export function spellingOf(word: string, vocabulary: readonly string[]): string | undefined {
  const meant = variantsOf(plain(word));
  return vocabulary.find((known) => meant.includes(plain(known)));
}

/** A word with those that mean the same, itself included; both in their plain spelling. */
function variantsOf(word: string): readonly string[] {
  return SAME_WORDS.find((group) => group.includes(word)) ?? [word];
}

/** Without case, blanks, hyphens and underscores, in which sources and generations differ. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[_\s-]/g, '');
}
