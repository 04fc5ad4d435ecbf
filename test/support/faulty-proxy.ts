import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a server on this machine and breaks their connections on purpose. */
export interface FaultyProxy extends AsyncDisposable {
  readonly port: number;
  /** Ends every connection with a reset. */
  reset(): void;
  /** Half-open: connections stay and are accepted, and nothing passes any more, neither way, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Resets every connection, also each new one until `admit`: a server that does not take anybody. */
  refuse(): void;
  admit(): void;
  /** The next message of a client that holds these bytes reaches the server; its answer is lost by a reset. Once. */
  loseAnswerTo(bytes: string): Promise<void>;
  /** Refuses new connections, as a server does that is not there; resets the others. */
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

interface Ambush {
  readonly bytes: string;
  readonly sprung: () => void;
}

export async function startFaultyProxy(serverPort: number): Promise<FaultyProxy> {
  const pairs = new Set<Pair>();
  let frozen = false;
  let refusing = false;
  let ambush: Ambush | undefined;

  const accept = (client: Socket): void => {
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    const pair = { client, server: connect(serverPort, '127.0.0.1') };
    pairs.add(pair);
    pass(pair, (data) => {
      if (ambush === undefined || !data.includes(ambush.bytes)) return;
      const { sprung } = ambush;
      ambush = undefined;
      pair.server.removeAllListeners('data').once('data', () => {
        breakOff(pair);
        sprung();
      });
    });
    for (const socket of [pair.client, pair.server]) {
      if (frozen) socket.pause();
      // Whichever side ends or breaks, the other one learns of it; the errors are the purpose of this proxy.
      socket
        .on('error', () => undefined)
        .on('close', () => {
          breakOff(pair);
          pairs.delete(pair);
        });
    }
  };
  const listener = createServer(accept).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  const eachSocket = (act: (socket: Socket) => void): void => {
    for (const { client, server } of pairs) [client, server].forEach(act);
  };
  const reset = (): void => {
    for (const pair of pairs) breakOff(pair);
  };
  const close = async (): Promise<void> => {
    reset();
    if (listener.listening) await new Promise((resolve) => listener.close(resolve));
  };
  return {
    port: address.port,
    reset,
    freeze: () => {
      frozen = true;
      eachSocket((socket) => socket.pause());
    },
    thaw: () => {
      frozen = false;
      eachSocket((socket) => socket.resume());
    },
    refuse: () => {
      refusing = true;
      reset();
    },
    admit: () => {
      refusing = false;
    },
    loseAnswerTo: (bytes) =>
      new Promise((sprung) => {
        ambush = { bytes, sprung };
      }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function pass({ client, server }: Pair, inspect: (data: Buffer) => void): void {
  client.on('data', (data) => {
    inspect(data);
    server.write(data);
  });
  server.on('data', (data) => client.write(data));
}

function breakOff({ client, server }: Pair): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}
