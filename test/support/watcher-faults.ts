import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { Fault } from '../../dev/sandbox/request-handler.ts';

/** What a server or the way to it can do wrong; a schedule switches them on and off. */
export const FAULTS = [
  'refuse',
  'reset',
  'end-watches',
  'black-hole',
  'freeze',
  'slow-loris',
  'unauthorized',
  'forbidden',
  'throttled',
  'server-error',
  'unavailable',
  'gone-status',
  'gone-event',
  'error-event',
  'watches-unavailable',
  'gone-page',
  'older-list',
  'truncated-reset',
  'truncated-end',
  'malformed',
  'duplicated',
  'byte-by-byte',
  'no-bookmarks',
  'unknown-type',
  'no-uid',
  'lost-event',
  'only-looks',
  'looks-unavailable',
  'compacted',
] as const;
export type FaultName = (typeof FAULTS)[number];

export const isWatch = ({ url }: IncomingMessage): boolean => url?.includes('watch=true') ?? false;
const isList = ({ url }: IncomingMessage): boolean => /[?&]limit=/.test(url ?? '');
const isPage = ({ url }: IncomingMessage): boolean => /[?&]continue=/.test(url ?? '');
const isLook = (request: IncomingMessage): boolean => !isWatch(request) && !isList(request);

interface Refusal {
  readonly status: number;
  readonly isMeant: (request: IncomingMessage) => boolean;
}

/** Faults that refuse some requests. */
const REFUSALS: Readonly<Partial<Record<FaultName, Refusal>>> = {
  'gone-page': { status: 410, isMeant: isPage },
  'only-looks': { status: 503, isMeant: isList },
  'looks-unavailable': { status: 503, isMeant: isLook },
};

/** Faults that refuse all of them. */
const STATUS: Readonly<Partial<Record<FaultName, number>>> = {
  unauthorized: 401,
  forbidden: 403,
  throttled: 429,
  'server-error': 500,
  unavailable: 503,
};

/** Bends the answers of the in-process API server while a fault is on. */
export class FaultyServer {
  active: FaultName | undefined;
  /** How often the fault that was started last has changed what the watcher gets. */
  met = 0;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<ServerResponse>();
  readonly #lists = new Map<string, string>();
  readonly #compact: () => void;

  constructor(compact: () => void) {
    this.#compact = compact;
  }

  start(fault: FaultName): void {
    this.active = fault;
    this.met = MEETS_CONNECTIONS.has(fault) ? this.#sockets.size : 0;
    if (fault === 'end-watches' || fault === 'no-bookmarks') for (const watch of this.#watches) watch.end();
    // A connection that freezes is never heard of again, and no side gets an error.
    if (fault === 'freeze') for (const watch of this.#watches) FROZEN.add(watch);
    if (fault === 'compacted') this.#compact();
    if (CUTS.has(fault)) this.cutAll();
  }

  stop(): void {
    this.active = undefined;
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    this.#watches.clear();
  }

  intercept = (request: IncomingMessage, response: ServerResponse): Fault | undefined => {
    this.#remember(request, response);
    const fault = this.active;
    if (fault === undefined) {
      if (isList(request)) this.#keep(request, response);
      return undefined;
    }
    const status = STATUS[fault];
    const answer = status === undefined ? this.#answerOf(fault, request, response) : refuseWith(status);
    if (answer !== undefined) this.met += 1;
    return answer;
  };

  #answerOf(fault: FaultName, request: IncomingMessage, response: ServerResponse): Fault | undefined {
    if (fault === 'older-list') return this.#replay(request);
    const answer = isWatch(request) ? ON_WATCHES[fault] : undefined;
    const refusal = REFUSALS[fault];
    if (refusal?.isMeant(request)) return refuseWith(refusal.status);
    if (isWatch(request)) this.#bend(response);
    return answer ?? ON_ALL[fault];
  }

  #remember(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#sockets.has(request.socket)) {
      this.#sockets.add(request.socket);
      request.socket.once('close', () => this.#sockets.delete(request.socket));
    }
    if (!isWatch(request)) return;
    this.#watches.add(response);
    response.once('close', () => this.#watches.delete(response));
    this.#bend(response);
  }

  #keep({ url = '' }: IncomingMessage, response: ServerResponse): void {
    const end = response.end.bind(response);
    response.end = ((body?: unknown) => {
      if (typeof body === 'string' && response.statusCode === 200) this.#lists.set(url, body);
      return end(body as string);
    }) as typeof response.end;
  }

  #replay({ url = '' }: IncomingMessage): Fault | undefined {
    const body = this.#lists.get(url);
    if (body === undefined) return undefined;
    return (answer) => {
      answer.writeHead(200, { 'content-type': 'application/json' }).end(body);
    };
  }

  /** Each line of a watch passes here, whatever the fault is by then. */
  #bend(response: ServerResponse): void {
    if (BENT.has(response)) return;
    BENT.add(response);
    const write = response.write.bind(response) as (chunk: string | Buffer) => boolean;
    response.write = ((line: string) => {
      const bent = bendLine(line, this.active, response);
      if (bent.length !== 1 || bent[0] !== line) this.met += 1;
      // A stream that a fault has ended is still subscribed to for a moment.
      if (!response.writableEnded) for (const part of bent) write(part);
      return true;
    }) as typeof response.write;
  }
}

/** What they do is done when they start, to the connections there are. */
const MEETS_CONNECTIONS: ReadonlySet<FaultName> = new Set(['reset', 'end-watches', 'compacted']);
const FROZEN = new WeakSet<ServerResponse>();
const BENT = new WeakSet<ServerResponse>();
/** What only a new request meets must meet one. */
const CUTS: ReadonlySet<FaultName> = new Set([
  'refuse',
  'reset',
  'compacted',
  'black-hole',
  'slow-loris',
  'unauthorized',
  'forbidden',
  'throttled',
  'server-error',
  'unavailable',
  'gone-status',
  'gone-event',
  'error-event',
  'watches-unavailable',
  'gone-page',
  'older-list',
]);

type Bend = (line: string, response: ServerResponse) => readonly (string | Buffer)[];

const isBookmark = (line: string): boolean => line.startsWith('{"type":"BOOKMARK"');

const loseEvent: Bend = (line) => (isBookmark(line) ? [line] : []);

const BENDS: Readonly<Partial<Record<FaultName, Bend>>> = {
  'lost-event': loseEvent,
  'only-looks': loseEvent,
  'no-bookmarks': (line) => (isBookmark(line) ? [] : [line]),
  malformed: (line) => ['{"type":"MODIFIED","object":{"meta\n', line],
  'unknown-type': (line) => [line.replace(/^\{"type":"[A-Z]+"/, '{"type":"RENAMED"')],
  'no-uid': (line) => [line.replaceAll('"uid":', '"uids":')],
  duplicated: (line) => [line, line],
  'byte-by-byte': (line) => Array.from(Buffer.from(line), (byte) => Buffer.from([byte])),
  'truncated-reset': (line, response) => {
    setImmediate(() => response.destroy());
    return [line.slice(0, line.length / 2)];
  },
  'truncated-end': (line, response) => {
    setImmediate(() => response.end());
    return [line.slice(0, line.length / 2)];
  },
};

function bendLine(
  line: string,
  fault: FaultName | undefined,
  response: ServerResponse,
): readonly (string | Buffer)[] {
  if (FROZEN.has(response)) return [];
  return (fault === undefined ? undefined : BENDS[fault])?.(line, response) ?? [line];
}

function refuseWith(code: number): Fault {
  const reason = code === 410 ? 'Expired' : 'Refused';
  return (response) => {
    response.writeHead(code, code === 429 ? { 'retry-after': '0' } : {});
    response.end(JSON.stringify({ kind: 'Status', code, reason }));
  };
}

function sendErrorEvent(code: number): Fault {
  const object = { kind: 'Status', code, reason: code === 410 ? 'Expired' : 'InternalError' };
  return (response) => {
    response.writeHead(200).end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
  };
}

const sendSlowly: Fault = (response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write('{'), 20);
  response.once('close', () => {
    clearInterval(timer);
  });
};

const ON_ALL: Readonly<Partial<Record<FaultName, Fault>>> = {
  refuse: (response) => {
    response.destroy();
  },
  'black-hole': () => undefined,
  'slow-loris': sendSlowly,
};

const ON_WATCHES: Readonly<Partial<Record<FaultName, Fault>>> = {
  'gone-status': refuseWith(410),
  'gone-event': sendErrorEvent(410),
  'error-event': sendErrorEvent(500),
  'watches-unavailable': refuseWith(503),
};
