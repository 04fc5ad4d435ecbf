import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

import { afterEach, expect, inject, test } from 'vitest';

import { connectTemporalLazily } from '../../src/temporal/connection.ts';

/** Long enough for pauses that double to grow past what is asked for below. */
const AWAY_MS = 30_000;
const CALL_MS = 2_000;
const BACK_MS = 8_000;

let server: Server | undefined;
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
});

async function listen(port: number): Promise<number> {
  const [, temporalPort] = inject('temporalAddress').split(':');
  server = createServer((client) => {
    const temporal = connect(Number(temporalPort), '127.0.0.1');
    for (const socket of [client, temporal]) sockets.add(socket.on('error', () => undefined));
    client.pipe(temporal).pipe(client);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

test('a client is back seconds after Temporal is, however long it was away', async () => {
  const port = await listen(0);
  const { connection, close } = connectTemporalLazily({
    connectionOptions: { address: `127.0.0.1:${port}` },
    namespace: 'default',
  });
  const call = (deadlineMs: number) =>
    connection.withDeadline(Date.now() + deadlineMs, () => connection.workflowService.getSystemInfo({}));
  await call(BACK_MS);

  server?.close();
  for (const socket of sockets) socket.destroy();
  for (const awayAt = performance.now(); performance.now() - awayAt < AWAY_MS;)
    await expect(call(CALL_MS)).rejects.toThrow();

  await listen(port);
  await call(BACK_MS);
  await close();
});
