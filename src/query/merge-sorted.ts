/**
 * One step of a sorted source.
 *
 * - `value`: it has this value at this key.
 * - `replacement`: whatever another source has at this key is only a part; this is the complete value, or undefined when the
 *   complete one does not belong in the result.
 * - `milestone`: it has nothing before this key. Only the step after it costs anything, so the merge takes that step no
 *   sooner than it reaches the key.
 */
export type Entry<Key, Value> =
  | { readonly is: 'value'; readonly key: Key; readonly value: Value }
  | { readonly is: 'replacement'; readonly key: Key; readonly value: Value | undefined }
  | { readonly is: 'milestone'; readonly key: Key };

/**
 * Entries in the order of the keys. What it returns at its end is the key up to which it was read, or undefined when it was
 * read to its end.
 */
type SortedSource<Key, Value> =
  | Iterator<Entry<Key, Value>, Key | undefined>
  | AsyncIterator<Entry<Key, Value>, Key | undefined>;

export interface MergeOptions<Key> {
  /** Negative when the left key comes first. */
  readonly compare: (left: Key, right: Key) => number;
  /** Most values; at least 1. */
  readonly limit: number;
  /** Nothing behind this key belongs to the result: a source does not know what follows it. */
  readonly until: Key | undefined;
}

export interface Merged<Key, Value> {
  readonly values: readonly Value[];
  /** The key behind which the next page begins; undefined when there is nothing more. */
  readonly next: Key | undefined;
}

/**
 * Merges sorted sources into one page. Of equal keys one value is taken: the replacement, or else that of the first source.
 * The page ends at the limit, or where the first source was not read further; every value up to its end is on it.
 */
export async function mergeSorted<Key, Value>(
  sources: readonly SortedSource<Key, Value>[],
  { compare, limit, until }: MergeOptions<Key>,
): Promise<Merged<Key, Value>> {
  const readers = sources.map((source) => new SourceReader(source));
  const values: Value[] = [];
  let end = until;
  let last: Key | undefined;
  try {
    for (;;) {
      // Every source has its next entry before one is taken, or the first key would not be known.
      for (const reader of readers) end = firstKey(compare, [end, await reader.load()]);
      const key = firstKey(
        compare,
        readers.map(({ head }) => head?.key),
      );
      if (key === undefined || (end !== undefined && compare(key, end) > 0)) return { values, next: end };
      // Checked only when one more value is there: a page that is just full and complete has no next one.
      if (values.length >= limit) return { values, next: last };
      const value = takeValue(
        readers.filter(({ head }) => head !== undefined && compare(head.key, key) === 0),
      );
      // A milestone, or a replacement that does not belong in the result.
      if (value === undefined) continue;
      values.push(value);
      last = key;
    }
  } finally {
    // A page that ends early leaves sources in the middle; they release what they hold when they are closed.
    for (const reader of readers) await reader.close();
  }
}

/** The first of the keys; undefined when there is none. */
export function firstKey<Key>(
  compare: (left: Key, right: Key) => number,
  keys: readonly (Key | undefined)[],
): Key | undefined {
  return keys.reduce(
    (first, key) => (first === undefined || (key !== undefined && compare(key, first) < 0) ? key : first),
    undefined,
  );
}

/** Takes the entries of one key from all its sources. A milestone goes first: a value may follow it at the same key. */
function takeValue<Key, Value>(readers: readonly SourceReader<Key, Value>[]): Value | undefined {
  const milestones = readers.filter(({ head }) => head?.is === 'milestone');
  if (milestones.length > 0) {
    for (const reader of milestones) reader.take();
    return undefined;
  }
  const entries = readers.map((reader) => reader.take());
  const chosen = entries.find((entry) => entry?.is === 'replacement') ?? entries[0];
  return chosen === undefined || chosen.is === 'milestone' ? undefined : chosen.value;
}

/** A source with the entry that comes next. */
class SourceReader<Key, Value> {
  readonly #source: SortedSource<Key, Value>;
  #isDone = false;
  head: Entry<Key, Value> | undefined;

  constructor(source: SortedSource<Key, Value>) {
    this.#source = source;
  }

  /** Reads the head if it was taken. Resolves with the key at which the source ended early, once, when it did. */
  async load(): Promise<Key | undefined> {
    if (this.#isDone || this.head !== undefined) return undefined;
    const step = await this.#source.next();
    if (step.done !== true) {
      this.head = step.value;
      return undefined;
    }
    this.#isDone = true;
    return step.value;
  }

  /** The head, which `load` replaces before the next key is chosen. */
  take(): Entry<Key, Value> | undefined {
    const { head } = this;
    this.head = undefined;
    return head;
  }

  /** Ends the source where it is. One that has ended needs no end. */
  async close(): Promise<void> {
    if (!this.#isDone) await this.#source.return?.();
  }
}
