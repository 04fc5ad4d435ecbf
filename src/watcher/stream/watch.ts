import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { at, textAt } from '../../kubernaut/resource.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import { parseApiJson } from './api-json.ts';
import { requireSuccess } from './api-request.ts';
import { MalformedStreamError, statusError, TruncatedStreamError, WatchSilentError } from './failure.ts';

/** etcd takes no object above 1.5 MiB; JSON escapes may make that longer. */
const MAX_LINE_BYTES = 8 * 1_024 * 1_024;
const LINE_FEED = 0x0a;
const SPACE = 0x20;

interface WatchRequest {
  readonly connection: ClusterConnection;
  readonly path: string;
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  /** Without a whole event for so long the stream counts as dead, in milliseconds. */
  readonly inactivityMs: number;
  readonly signal: AbortSignal;
  /** Called for each event as it comes. Nothing here waits for it: a server cuts off who reads slowly, without a word. */
  readonly onEvent: (event: WatchEvent) => void;
  /** Called when the server has accepted the watch. */
  readonly onOpen: () => void;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: JsonObject; readonly version: bigint }
  | { readonly type: 'BOOKMARK'; readonly version: bigint };

/** Reads one watch until the server ends it. Whatever else ends it is thrown. */
export async function readWatch(request: WatchRequest): Promise<void> {
  const silence = createSilenceDeadline(request);
  try {
    await readLines(request, silence);
  } catch (error: unknown) {
    throw silence.hasPassed() ? new WatchSilentError(request.path, request.inactivityMs) : error;
  } finally {
    silence.clear();
  }
}

async function readLines(request: WatchRequest, silence: SilenceDeadline): Promise<void> {
  const { connection, path, onEvent } = request;
  const query = new URLSearchParams({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: request.resourceVersion,
    timeoutSeconds: String(request.timeoutSeconds),
  });
  const answer = await connection.watch(`${path}?${query.toString()}`, silence.signal);
  if (answer.statusCode >= 300) {
    requireSuccess(`watch ${path}`, answer, Buffer.from(await answer.body.arrayBuffer()));
  }
  request.onOpen();
  for await (const line of linesOf(path, answer.body)) {
    if (!isBlank(line)) onEvent(readEvent(path, line));
    // Only a whole event is a sign of life: one byte at a time would be one, too, and never say anything.
    silence.extend();
  }
}

/** Lines as they end. Throws for one that the end of the stream cuts off. */
async function* linesOf(path: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      const rest = chunk.subarray(start, end);
      yield begun.length === 0 ? rest : Buffer.concat([...begun, rest]);
      [begun, begunBytes] = [[], 0];
      start = end + 1;
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
    begunBytes += chunk.length - start;
    if (begunBytes > MAX_LINE_BYTES) throw new MalformedStreamError(path, 'an event without an end');
  }
  if (!isBlank(Buffer.concat(begun))) throw new TruncatedStreamError(path);
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte <= SPACE);
}

function readEvent(path: string, line: Buffer): WatchEvent {
  const event = parseLine(path, line);
  const type = textAt(event, 'type');
  const object = at(event, 'object');
  if (type === 'ERROR') throw statusError(`watch ${path}`, object ?? null);
  if (!isJsonObject(object)) throw new MalformedStreamError(path, 'an event without an object');
  const version = versionOf(path, object);
  switch (type) {
    case 'BOOKMARK':
      return { type, version };
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (textAt(object, 'metadata.uid') !== undefined) return { type, object, version };
      throw new MalformedStreamError(path, 'an event whose object has no uid');
    default:
      throw new MalformedStreamError(path, `an event of unknown type ${type ?? 'none'}`);
  }
}

function versionOf(path: string, object: JsonObject): bigint {
  const version = textAt(object, 'metadata.resourceVersion') ?? '';
  if (/^\d+$/.test(version)) return BigInt(version);
  throw new MalformedStreamError(path, 'an event whose object has no version');
}

function parseLine(path: string, line: Buffer): JsonValue {
  try {
    return parseApiJson(line);
  } catch (error: unknown) {
    throw new MalformedStreamError(path, 'an event that is not JSON', { cause: error });
  }
}

interface SilenceDeadline {
  readonly signal: AbortSignal;
  extend(): void;
  hasPassed(): boolean;
  clear(): void;
}

/** Half-open connections deliver nothing for ever, and no library notices. */
function createSilenceDeadline({ inactivityMs, signal }: WatchRequest): SilenceDeadline {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort();
  }, inactivityMs);
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    extend: () => {
      timer.refresh();
    },
    hasPassed: () => controller.signal.aborted,
    clear: () => {
      clearTimeout(timer);
    },
  };
}
