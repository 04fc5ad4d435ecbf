import { describeExit, type RunningServer } from '../servers/process/child-process.ts';

/** A server that ended although nobody stopped it. Nothing starts it again, and without it nothing is recorded. */
class ServerEndedError extends Error {
  constructor(name: string, how: string, lastOutput: string) {
    super(
      `${name} has ended by itself (${how}); start again: what was acknowledged is kept` +
        (lastOutput === '' ? '' : `; its last output:\n${lastOutput}`),
    );
    this.name = 'ServerEndedError';
  }
}

export interface ServerWatch {
  /** Aborted, with the reason, when a server ends before `end` was called. */
  readonly failed: AbortSignal;
  /** The second one may know more of why it ended. */
  add(server: RunningServer, explain?: (error: Error) => Promise<unknown>): void;
  /** From here on servers are being stopped. */
  end(): void;
}

const LAST_LINES = 5;

export function watchServers(): ServerWatch {
  const failure = new AbortController();
  let isEnding = false;
  return {
    failed: failure.signal,
    add: (server, explain = (error) => Promise.resolve(error)) => {
      void server.exited.then(async (exit) => {
        if (isEnding) return;
        const lastOutput = server.recentOutput().trimEnd().split('\n').slice(-LAST_LINES).join('\n');
        failure.abort(await explain(new ServerEndedError(server.name, describeExit(exit), lastOutput)));
      });
    },
    end: () => {
      isEnding = true;
    },
  };
}
