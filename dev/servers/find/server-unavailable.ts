import { EndedBySignal } from '../../../src/services/running-service.ts';
import type { ServerName } from './catalogue.ts';

/** A download or a build was given up because the process was asked to end. Nothing of it is left in the cache. */
export class ObtainingStopped extends EndedBySignal {
  constructor(what: string, cause: unknown) {
    super(`stopped while preparing ${what}; the next start goes on with what Go has compiled so far`, {
      cause,
    });
    this.name = 'ObtainingStopped';
  }
}

/** Why each way to a server was closed, and what would open one. */
export class ServerUnavailable extends Error {
  readonly server: ServerName;
  constructor(server: ServerName, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'ServerUnavailable';
    this.server = server;
  }
}
