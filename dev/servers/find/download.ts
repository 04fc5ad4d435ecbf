import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { type Dispatcher, EnvHttpProxyAgent, fetch } from 'undici';

import { rootReasonOf } from '../../../src/domain/errors.ts';
import type { DownloadSource } from './catalogue.ts';
import { findChecksum, pinnedSha256, PINS_FILE } from './pinned-downloads.ts';
import { runStep } from './run-step.ts';
import { SourceClosed, type SourceContext } from './source.ts';

const ANSWER_DEADLINE_MS = 20_000;
/** A connection that delivers nothing for so long is given up. */
const STALL_DEADLINE_MS = 30_000;
const WHOLE_DEADLINE_MS = 30 * 60_000;
const UNPACK_DEADLINE_MS = 5 * 60_000;
const SIZE_LIMIT_BYTES = 1_024 ** 3;
const BYTES_PER_MB = 1_000_000;
const PROGRAM_MODE = 0o755;
const UNPINNED_VARIABLE = 'REMEDIATION_AUDIT_UNPINNED_DOWNLOADS';

/** The hash that a file must have, and who says so. */
interface Wanted {
  readonly sha256: string;
  readonly by: string;
}

class ChecksumMismatch extends Error {
  constructor(url: string, wanted: Wanted, found: string) {
    super(`refused ${url}: its SHA-256 is ${found}, but ${wanted.by} says ${wanted.sha256}`);
    this.name = 'ChecksumMismatch';
  }
}

/** Fetches the publisher's release file, refuses it unless it has the pinned SHA-256, and unpacks it. */
export async function download(source: DownloadSource, context: SourceContext): Promise<void> {
  if (context.offline) throw new SourceClosed('not tried: offline');
  const file = source.file(context.platform);
  const { os, arch } = context.platform;
  if (file === undefined) throw new SourceClosed(`the publisher has no tar file for ${os} ${arch}`);
  const baseUrl = context.downloadBaseUrl ?? source.baseUrl;
  const url = `${baseUrl}/${file}`;
  const dispatcher = createDispatcher(context.connectDeadlineMs);
  const fetched = join(context.staging, 'fetched');
  let receivedMb = 0;
  try {
    const fetching = { dispatcher, signal: context.signal };
    const wanted = await wantedHash({ source, file, baseUrl, context, fetching });
    context.progress.begin(
      `downloading about ${source.sizeMb} MB from ${new URL(url).host}`,
      () => `${receivedMb} MB downloaded`,
    );
    const found = await fetchFile(url, fetched, fetching, (bytes) => {
      receivedMb = Math.round(bytes / BYTES_PER_MB);
    });
    if (found !== wanted.sha256) throw new ChecksumMismatch(url, wanted, found);
  } finally {
    // Ends what an abort left in the air, which close would wait for.
    await dispatcher.destroy();
  }
  await unpack(fetched, source.member?.(context.platform), context);
}

interface Hashing {
  readonly source: DownloadSource;
  readonly file: string;
  /** Of a mirror, or the publisher's. */
  readonly baseUrl: string;
  readonly context: SourceContext;
  readonly fetching: Fetching;
}

/** The pin of the repository, which is that of the publisher's address also for a mirror. */
async function wantedHash({ source, file, baseUrl, context, fetching }: Hashing): Promise<Wanted> {
  const published = `${source.baseUrl}/${file}`;
  const pinned = await pinnedSha256(context.toolsDir, published);
  if (pinned !== undefined) return { sha256: pinned, by: PINS_FILE };
  if (!context.allowUnpinned) {
    throw new SourceClosed(`not tried: ${PINS_FILE} has no SHA-256 of ${published}`, {
      remedy: `set ${UNPINNED_VARIABLE}=true to believe the publisher's own checksum`,
    });
  }
  const checksumsUrl = `${baseUrl}/${source.checksums(file)}`;
  const sha256 = findChecksum(await fetchText(checksumsUrl, fetching), basename(file));
  if (sha256 === undefined) throw new Error(`${checksumsUrl} has no SHA-256 of ${basename(file)}`);
  return { sha256, by: "the publisher's checksum file" };
}

/** A proxy of the environment is used; a closed network is noticed within the connect deadline. */
function createDispatcher(connectDeadlineMs: number): Dispatcher {
  return new EnvHttpProxyAgent({
    connect: { timeout: connectDeadlineMs },
    headersTimeout: ANSWER_DEADLINE_MS,
    bodyTimeout: STALL_DEADLINE_MS,
  });
}

interface Fetching {
  dispatcher: Dispatcher;
  signal: AbortSignal | undefined;
}

async function open(url: string, { dispatcher, signal }: Fetching): ReturnType<typeof fetch> {
  const over = AbortSignal.any([AbortSignal.timeout(WHOLE_DEADLINE_MS), ...(signal ? [signal] : [])]);
  try {
    const response = await fetch(url, { dispatcher, signal: over });
    if (response.ok) return response;
    await response.body?.cancel();
    throw new SourceClosed(`${url} answers ${response.status} ${response.statusText}`);
  } catch (error: unknown) {
    if (error instanceof SourceClosed) throw error;
    throw new SourceClosed(`cannot reach ${url}: ${rootReasonOf(error)}`, { cause: error });
  }
}

async function fetchText(url: string, fetching: Fetching): Promise<string> {
  return (await open(url, fetching)).text();
}

/** Stores the file and says its SHA-256. */
async function fetchFile(
  url: string,
  path: string,
  fetching: Fetching,
  onBytes: (received: number) => void,
): Promise<string> {
  const { body } = await open(url, fetching);
  if (body === null) throw new Error(`${url} has no content`);
  const hash = createHash('sha256');
  let received = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      hash.update(chunk);
      onBytes(received);
      if (received > SIZE_LIMIT_BYTES) done(new Error(`${url} is larger than 1 GiB`));
      else done(null, chunk);
    },
  });
  try {
    await pipeline(Readable.fromWeb(body), meter, createWriteStream(path));
  } catch (error: unknown) {
    throw new Error(`${url} broke off after ${received} bytes: ${rootReasonOf(error)}`, { cause: error });
  }
  return hash.digest('hex');
}

async function unpack(fetched: string, member: string | undefined, context: SourceContext): Promise<void> {
  let program = fetched;
  const unpacked = join(context.staging, 'unpacked');
  if (member !== undefined) {
    await mkdir(unpacked);
    // -o: the files are ours, whoever packed them.
    const args = ['-x', '-z', '-o', '-f', fetched, '-C', unpacked];
    await runStep({ name: 'tar', command: 'tar', args, deadlineMs: UNPACK_DEADLINE_MS });
    program = join(unpacked, member);
  }
  await mkdir(dirname(context.target), { recursive: true });
  await rename(program, context.target);
  await chmod(context.target, PROGRAM_MODE);
  await rm(fetched, { force: true });
  await rm(unpacked, { recursive: true, force: true });
}
