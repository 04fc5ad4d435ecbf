import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { type Dispatcher, EnvHttpProxyAgent, fetch } from 'undici';

import { rootReasonOf } from '../../../src/domain/errors.ts';
import type { DownloadSource } from './catalogue.ts';
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

class ChecksumMismatch extends Error {
  constructor(url: string, wanted: string, found: string) {
    super(`refused ${url}: its SHA-256 is ${found}, but the publisher's checksum file says ${wanted}`);
    this.name = 'ChecksumMismatch';
  }
}

/** Fetches the publisher's release file, refuses it unless it matches the publisher's checksum, and unpacks it. */
export async function download(source: DownloadSource, context: SourceContext): Promise<void> {
  if (context.offline) throw new SourceClosed('not tried: offline');
  const file = source.file(context.platform);
  const { os, arch } = context.platform;
  if (file === undefined) throw new SourceClosed(`the publisher has no tar file for ${os} ${arch}`);
  const baseUrl = context.downloadBaseUrl ?? source.baseUrl;
  const url = `${baseUrl}/${file}`;
  const checksumsUrl = `${baseUrl}/${source.checksums(file)}`;
  const dispatcher = createDispatcher(context.connectDeadlineMs);
  const fetched = join(context.staging, 'fetched');
  let receivedMb = 0;
  try {
    const wanted = findChecksum(
      await fetchText(checksumsUrl, { dispatcher, signal: context.signal }),
      basename(file),
    );
    if (wanted === undefined) throw new Error(`${checksumsUrl} has no SHA-256 of ${basename(file)}`);
    context.progress.begin(
      `downloading about ${source.sizeMb} MB from ${new URL(url).host}`,
      () => `${receivedMb} MB downloaded`,
    );
    const found = await fetchFile(url, fetched, { dispatcher, signal: context.signal }, (bytes) => {
      receivedMb = Math.round(bytes / BYTES_PER_MB);
    });
    if (found !== wanted) throw new ChecksumMismatch(url, wanted, found);
  } finally {
    // Ends what an abort left in the air, which close would wait for.
    await dispatcher.destroy();
  }
  await unpack(fetched, source.member?.(context.platform), context);
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

/** `<hash>  <file>`, `<hash> *<file>`, or the hash alone. */
export function findChecksum(text: string, file: string): string | undefined {
  for (const line of text.split('\n')) {
    const [hash = '', name] = line.trim().split(/\s+\*?/);
    if (!/^[0-9a-f]{64}$/i.test(hash)) continue;
    if (name === undefined || basename(name) === file) return hash.toLowerCase();
  }
  return undefined;
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
