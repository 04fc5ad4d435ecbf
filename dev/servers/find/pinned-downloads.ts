import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { reasonOf } from '../../../src/domain/errors.ts';
import type { DownloadSource, Platform } from './server-definition.ts';

/** SHA-256 of release files by their addresses, below the tools folder. */
export const PINS_FILE = 'downloads.sha256';

/** The SHA-256 that the repository has of a release file; undefined when it has none. */
export async function pinnedSha256(toolsDir: string, url: string): Promise<string | undefined> {
  return (await readPins(toolsDir)).get(url);
}

/** A missing file pins nothing; a line that is no pin is an error, because its file would count as unpinned. */
export async function readPins(toolsDir: string): Promise<ReadonlyMap<string, string>> {
  const path = join(toolsDir, PINS_FILE);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const { sha256, url } = /^(?<sha256>[0-9a-f]{64}) {2}(?<url>\S+)$/.exec(line)?.groups ?? {};
      if (sha256 === undefined || url === undefined)
        throw new Error(`${path} has the line ${JSON.stringify(line)}, which is not "SHA-256  address"`);
      return [url, sha256];
    }),
  );
}

const PLATFORMS: readonly Platform[] = (['linux', 'darwin'] as const).flatMap((os) =>
  (['x64', 'arm64'] as const).map((arch) => ({ os, arch })),
);

interface Pinned {
  readonly pins: ReadonlyMap<string, string>;
  /** One line for each file whose hash could not be had. */
  readonly missing: readonly string[];
}

/** What the publishers' checksum files say of the release files of all platforms. */
export async function collectPins(
  sources: readonly DownloadSource[],
  fetchText: (url: string) => Promise<string>,
): Promise<Pinned> {
  const files = sources.flatMap((source) =>
    [...new Set(PLATFORMS.flatMap((platform) => source.file(platform) ?? []))].map((file) => ({
      url: `${source.baseUrl}/${file}`,
      checksumsUrl: `${source.baseUrl}/${source.checksums(file)}`,
    })),
  );
  const pins = new Map<string, string>();
  const missing = new Set<string>();
  for (const { url, checksumsUrl } of files) {
    try {
      const sha256 = findChecksum(await fetchText(checksumsUrl), basename(url));
      if (sha256 === undefined) missing.add(`${url}: ${checksumsUrl} does not name it`);
      else pins.set(url, sha256);
    } catch (error: unknown) {
      missing.add(`${url}: ${reasonOf(error)}`);
    }
  }
  return { pins, missing: [...missing] };
}

/** Keeps the lines at the head of the file. */
export async function writePins(toolsDir: string, pins: ReadonlyMap<string, string>): Promise<void> {
  const path = join(toolsDir, PINS_FILE);
  const head = (await readFile(path, 'utf8')).split('\n').filter((line) => line.startsWith('#'));
  const lines = [...pins].sort(([left], [right]) => (left < right ? -1 : 1));
  await writeFile(path, `${[...head, ...lines.map(([url, sha256]) => `${sha256}  ${url}`)].join('\n')}\n`);
}

/** `<hash>  <file>`, `<hash> *<file>`, or the hash alone. */
export function findChecksum(text: string, file: string): string | undefined {
  for (const line of text.split('\n')) {
    const [hash = '', name] = line.trim().split(/\s+\*?/);
    if (!/^[0-9a-f]{64}$/i.test(hash)) continue;
    if (name === undefined || basename(name) === file) return hash.toLowerCase();
  }
  return undefined;
}
