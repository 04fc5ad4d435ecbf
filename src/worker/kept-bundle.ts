import { createHash } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { getCompileCacheDir } from 'node:module';
import { join } from 'node:path';

/*
 * A bundle of the workflows costs two and a half seconds of a core. Where Node keeps what it compiled (NODE_COMPILE_CACHE),
 * the bundle is kept too, with a hash of each file that the bundler read: it is used for as long as all of them are the
 * same, and made anew otherwise. Without that folder nothing is kept.
 */

/** What was read for a bundle: the hash of its content by path. */
type Sources = Readonly<Record<string, string>>;

interface Kept {
  readonly sources: Sources;
  readonly code: string;
}

/** The code of the bundle that was made of the same files as are there now. */
export async function readKeptBundle(parts: readonly string[]): Promise<string | undefined> {
  const path = pathOf(parts);
  if (path === undefined) return undefined;
  const kept = await readKept(path);
  if (kept === undefined) return undefined;
  const paths = Object.keys(kept.sources);
  const hashes = await Promise.all(paths.map(hashOf));
  return paths.every((source, index) => kept.sources[source] === hashes[index]) ? kept.code : undefined;
}

/** `files` is all that the bundler read, which began at `begunMs`: what was written since is not what the bundle has. */
export async function keepBundle(
  parts: readonly string[],
  {
    code,
    files,
    begunMs,
  }: { readonly code: string; readonly files: Iterable<string>; readonly begunMs: number },
): Promise<void> {
  const path = pathOf(parts);
  if (path === undefined) return;
  const sources: Record<string, string> = {};
  for (const file of files) {
    const found = await stat(file).catch(undefinedIfMissing);
    // The bundler also names folders, and what it made in memory, which follows from the other files.
    if (found?.isFile() !== true) continue;
    if (found.mtimeMs >= begunMs) return;
    sources[file] = hash(await readFile(file, 'utf8'));
  }
  // Under another name first: other processes read this file at any time.
  const written = `${path}.${process.pid}`;
  await writeFile(written, JSON.stringify({ sources, code } satisfies Kept));
  await rename(written, path);
}

/** A folder of Node's, which has its version in its name. */
function pathOf(parts: readonly string[]): string | undefined {
  const folder = getCompileCacheDir();
  return folder === undefined ? undefined : join(folder, `workflows-${hash(parts.join('\n'))}.json`);
}

async function readKept(path: string): Promise<Kept | undefined> {
  const text = await readFile(path, 'utf8').catch(undefinedIfMissing);
  return text === undefined ? undefined : (JSON.parse(text) as Kept);
}

async function hashOf(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(undefinedIfMissing);
  return text === undefined ? undefined : hash(text);
}

function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
