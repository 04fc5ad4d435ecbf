const OPENING_QUOTE = /\\{0,8}["'`]/y;

/** What stands between two quotes of the same kind, escaped equally often: text within JSON within JSON. */
export interface Quoted {
  readonly start: number;
  readonly end: number;
  /** Index behind the closing quote. */
  readonly next: number;
}

/** Undefined when no quote stands at `start`, or none ends it within `longest` characters. */
export function readQuoted(text: string, start: number, longest: number): Quoted | undefined {
  OPENING_QUOTE.lastIndex = start;
  const quote = OPENING_QUOTE.exec(text)?.[0];
  if (quote === undefined) return undefined;
  const inner = start + quote.length;
  // Not the whole text: a quote that nothing ends must not be searched for again and again.
  const reach = text.slice(inner, inner + longest);
  for (let end = reach.indexOf(quote); end >= 0; end = reach.indexOf(quote, end + 1)) {
    if (reach.charAt(end - 1) !== '\\')
      return { start: inner, end: inner + end, next: inner + end + quote.length };
  }
  return undefined;
}
