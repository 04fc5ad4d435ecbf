import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type RunningServer, startServer, untilReady } from '../../dev/servers/process/child-process.ts';
import { findFreePort, LOOPBACK } from '../../dev/servers/process/ports.ts';
import { resolveServer } from '../support/servers.ts';

let server: RunningServer;
let address: string;
let connection: Connection;

beforeAll(async () => {
  const port = await findFreePort();
  address = `${LOOPBACK}:${port}`;
  server = startServer({
    name: 'temporal',
    command: await resolveServer('temporal'),
    args: [
      ...['server', 'start-dev', '--headless', '--ip', LOOPBACK, '--port', String(port)],
      ...['--search-attribute', 'AuditPhase=Keyword', '--log-level', 'warn'],
    ],
  });
  const connects = async (): Promise<boolean> => {
    connection = await Connection.connect({ address, connectTimeout: '2s' });
    return true;
  };
  await untilReady(server, connects, { deadlineMs: 60_000, what: 'cannot start a Temporal server' });
});

afterAll(async () => {
  await connection.close();
  await server.stop();
});

test('the server inside the pinned tool answers with the pinned version', async () => {
  const { serverVersion } = await connection.workflowService.getSystemInfo({});
  expect(serverVersion).toBe('1.29.1');
});

test('a search attribute named at the start exists', async () => {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({
    namespace: 'default',
  });
  expect(Object.keys(customAttributes)).toContain('AuditPhase');
});
