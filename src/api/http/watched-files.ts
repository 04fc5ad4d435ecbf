import { readFile } from 'node:fs/promises';

interface WatchedFiles {
  /** Their texts, in the order they were named. */
  current(): readonly string[];
  /**
   * One listener; called at each check at which a file cannot be read, with the error and for how long that has been so, in
   * milliseconds, and once without either when all can be read again. It must not throw.
   */
  onUnreadable(use: (failure: UnreadableFiles | undefined) => void): void;
  /** One listener; called with all texts when any of them has changed. It must not throw. */
  onChange(use: (texts: readonly string[]) => void): void;
  close: () => void;
}

interface UnreadableFiles {
  readonly error: unknown;
  readonly forMs: number;
}

const DEFAULT_INTERVAL_MS = 10_000;

/**
 * Reads files again every few seconds and reports when their text has changed. Not by the notifications of the file
 * system: a mounted secret is renewed by moving a link, which they miss. Throws when one cannot be read to begin with.
 */
export async function watchFiles(
  paths: readonly string[],
  intervalMs = DEFAULT_INTERVAL_MS,
): Promise<WatchedFiles> {
  let texts = await readAll(paths);
  let use: ((texts: readonly string[]) => void) | undefined;
  let useUnreadable: ((failure: UnreadableFiles | undefined) => void) | undefined;
  let unreadableSinceMs: number | undefined;
  const failed = (error: unknown): string[] => {
    // One that is missing for a moment, while it is replaced, is found at the next check.
    unreadableSinceMs ??= performance.now();
    useUnreadable?.({ error, forMs: performance.now() - unreadableSinceMs });
    return texts;
  };
  const readable = (found: string[]): string[] => {
    if (unreadableSinceMs !== undefined) useUnreadable?.(undefined);
    unreadableSinceMs = undefined;
    return found;
  };
  const read = async (): Promise<void> => {
    const found = await readAll(paths).then(readable, failed);
    if (found.every((text, index) => text === texts[index])) return;
    texts = found;
    use?.(texts);
  };
  const timer = setInterval(() => void read(), intervalMs).unref();
  return {
    current: () => texts,
    onUnreadable: (callback) => {
      useUnreadable = callback;
    },
    onChange: (callback) => {
      use = callback;
    },
    close: () => {
      clearInterval(timer);
    },
  };
}

function readAll(paths: readonly string[]): Promise<string[]> {
  return Promise.all(paths.map((path) => readFile(path, 'utf8')));
}
