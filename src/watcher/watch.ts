import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject, parseJson } from '../domain/json.ts';
import { at, textAt } from '../kubernaut/resource.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import { statusError } from './api-error.ts';
import { parseErrorBody } from './list.ts';

export interface WatchOptions {
  readonly connection: ClusterConnection;
  readonly path: string;
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  /** Silence after which the stream counts as dead, in milliseconds. */
  readonly inactivityMs: number;
  readonly signal: AbortSignal;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: JsonObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export class WatchSilentError extends Error {
  constructor(path: string, inactivityMs: number) {
    super(`watch ${path}: nothing came for ${inactivityMs / 1_000} s, not even a bookmark`);
    this.name = 'WatchSilentError';
  }
}

/** The events of one watch request, until the server ends it. Whatever else ends it is thrown. */
export async function* watchEvents(options: WatchOptions): AsyncGenerator<WatchEvent> {
  const { connection, path } = options;
  const silence = createSilenceDeadline(options);
  try {
    const query = new URLSearchParams({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(options.timeoutSeconds),
    });
    const { statusCode, body } = await connection.get(`${path}?${query.toString()}`, silence.signal);
    if (statusCode >= 400) throw statusError(`watch ${path}`, parseErrorBody(await body.text()), statusCode);
    for await (const line of lines(body, silence.extend)) yield asEvent(path, parseJson(line));
  } catch (error: unknown) {
    throw silence.hasPassed() ? new WatchSilentError(path, options.inactivityMs) : error;
  } finally {
    silence.clear();
  }
}

function asEvent(path: string, event: JsonValue): WatchEvent {
  const type = textAt(event, 'type');
  const object = at(event, 'object');
  if (type === 'ERROR') throw statusError(`watch ${path}`, object ?? null);
  if (!isJsonObject(object)) throw new TypeError(`watch ${path}: an event without an object`);
  if (type === 'BOOKMARK') return { type, resourceVersion: textAt(object, 'metadata.resourceVersion') ?? '' };
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object };
  throw new TypeError(`watch ${path}: an event of unknown type ${type ?? 'none'}`);
}

async function* lines(body: AsyncIterable<Buffer>, received: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    received();
    rest += decoder.decode(chunk, { stream: true });
    const complete = rest.split('\n');
    rest = complete.pop() ?? '';
    for (const line of complete) if (line.trim() !== '') yield line;
  }
}

/** Half-open connections deliver nothing for ever, and no library notices. */
function createSilenceDeadline({ inactivityMs, signal }: WatchOptions) {
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
