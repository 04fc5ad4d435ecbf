import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

import { expect, test } from 'vitest';

import { connectTemporalLazily, isTemporalOutage } from '../../src/temporal/connection.ts';

test('a call that waits to be sent again ends with its connection, and nothing is thrown out of a timer', async () => {
  // Each connection breaks off, as those do to a server that has just ended.
  let refused = 0;
  const server = createServer((socket) => {
    refused += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const thrown: unknown[] = [];
  const note = (error: unknown): void => void thrown.push(error);
  process.on('uncaughtException', note);
  try {
    const { connection, close } = connectTemporalLazily({
      connectionOptions: { address: `127.0.0.1:${port}` },
      namespace: 'default',
    });
    const ended = connection.workflowService.getSystemInfo({}).then(
      () => undefined,
      (error: unknown) => error,
    );
    while (refused < 2) await once(server, 'connection');
    await close();
    expect(isTemporalOutage(await ended)).toBe(true);
    expect(thrown).toEqual([]);
  } finally {
    process.off('uncaughtException', note);
    server.close();
  }
});
