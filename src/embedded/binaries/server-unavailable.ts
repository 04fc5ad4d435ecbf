import type { ServerName } from './catalogue.ts';

/** Why each way to a server was closed, and what would open one. */
export class ServerUnavailable extends Error {
  readonly server: ServerName;
  constructor(server: ServerName, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'ServerUnavailable';
    this.server = server;
  }
}
