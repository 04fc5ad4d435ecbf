import { readFile } from 'node:fs/promises';

interface WatchedFiles {
  /** Their texts, in the order they were named. */
  current(): readonly string[];
  /** One listener; called with all texts when any of them has changed. It must not throw. */
  onChange(use: (texts: readonly string[]) => void): void;
  close: () => void;
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
  const read = async (): Promise<void> => {
    // One that is missing for a moment, while it is replaced, is found at the next check.
    const found = await readAll(paths).catch(() => texts);
    if (found.every((text, index) => text === texts[index])) return;
    texts = found;
    use?.(texts);
  };
  const timer = setInterval(() => void read(), intervalMs).unref();
  return {
    current: () => texts,
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
