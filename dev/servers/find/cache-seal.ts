import { hash } from 'node:crypto';
import { chmod, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { reasonOf } from '../../../src/domain/errors.ts';

/**
 * What a cache entry consists of, written beside it when it is made and compared before its programs run: one line per file
 * or link, and in the last line the hash of those above. Whoever can write as its owner can seal what he wrote as well; what
 * this finds is a program that was damaged, exchanged or added by anything that did not mean to be found by it.
 */
const WRITABLE_BY_OTHERS = 0o022;
const SEAL_MODE = 0o644;
const SUMMARY = '  (all of the above)\n';

export const sealFileOf = (entry: string): string => `${entry}.sha256`;

/** Writes the seal of an entry that is still in another folder. */
export async function sealEntry(folder: string, entry: string): Promise<void> {
  const lines = await linesOf(folder);
  await writeFile(sealFileOf(entry), `${lines}${sha256(lines)}${SUMMARY}`);
  // Whatever the umask says: others may not write it, or it would be believed no more.
  await chmod(sealFileOf(entry), SEAL_MODE);
}

/** Why an entry is not what was put there; undefined when it is. */
export async function findTampering(entry: string): Promise<string | undefined> {
  try {
    const sealed = await readSeal(sealFileOf(entry));
    if (sealed.fault !== undefined) return sealed.fault;
    const found = await linesOf(entry);
    if (found === sealed.lines) return undefined;
    const known = new Set(sealed.lines.split('\n'));
    const changed = found.split('\n').find((line) => !known.has(line)) ?? 'a file is missing';
    return `its files are not those that were put there (${changed.split('  ').at(-1) ?? ''})`;
  } catch (error: unknown) {
    return `it cannot be checked: ${reasonOf(error)}`;
  }
}

async function readSeal(
  path: string,
): Promise<{ readonly lines: string; readonly fault?: string | undefined }> {
  const { uid, mode } = await stat(path);
  const isTrusted = (uid === process.geteuid?.() || uid === 0) && (mode & WRITABLE_BY_OTHERS) === 0;
  if (!isTrusted) return { lines: '', fault: `others may write ${path}` };
  const text = await readFile(path, 'utf8');
  const lines = text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
  if (text !== `${lines}${sha256(lines)}${SUMMARY}`) return { lines, fault: `${path} was changed` };
  return { lines };
}

async function linesOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  const lines: string[] = [];
  for (const path of files.sort()) {
    const name = path.slice(folder.length + 1);
    lines.push(`${await fingerprintOf(path)}  ${JSON.stringify(name)}\n`);
  }
  return lines.join('');
}

/** Of a file its bytes and whether it may be run; of a link where it leads. */
async function fingerprintOf(path: string): Promise<string> {
  const target = await readlink(path).catch(() => undefined);
  return target === undefined ? sha256(await readFile(path)) : `link ${JSON.stringify(target)}`;
}

function sha256(content: string | Buffer): string {
  return hash('sha256', content);
}
