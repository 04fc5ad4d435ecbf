import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { findFreePort, isPortFree, PortTaken, requireFreePorts } from '../../dev/servers/process/ports.ts';
import { runScript } from '../support/processes.ts';

let server: Server;
let port: number;

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
afterEach(() => {
  server.close();
});

const api = { flag: '--api-port', use: 'the API' };

test('a free port is accepted and stays free', async () => {
  const free = await findFreePort();
  await requireFreePorts([{ ...api, port: free }]);
  expect(await isPortFree(free)).toBe(true);
});

test('a taken port is an error that names the port, its flag and its holder', async () => {
  const failure = await requireFreePorts([{ ...api, port }]).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(PortTaken);
  expect(failure).toMatchObject({ port, flag: '--api-port' });
  const holder = process.platform === 'linux' ? ` by .+ \\(process ${process.pid}\\)` : '';
  expect((failure as Error).message).toMatch(
    new RegExp(`^port ${port} for the API is already taken${holder}; choose another one with --api-port$`),
  );
});

test('a port taken on all addresses is taken on the loopback address', async () => {
  const everywhere = createServer().listen(0);
  await once(everywhere, 'listening');
  const { port: taken } = everywhere.address() as { port: number };
  expect(await isPortFree(taken)).toBe(false);
  everywhere.close();
});

test('one port for two servers is an error that names both flags', async () => {
  const free = await findFreePort();
  await expect(
    requireFreePorts([
      { ...api, port: free },
      { port: free, flag: '--temporal-port', use: 'Temporal' },
    ]),
  ).rejects.toThrow(
    `port ${free} for Temporal is also the value of --api-port (the API); choose another one with --temporal-port`,
  );
});

test('port 0, which lets the system choose, is never taken, not even twice', async () => {
  await requireFreePorts([
    { ...api, port: 0 },
    { port: 0, flag: '--temporal-port', use: 'Temporal' },
  ]);
});

test('within its grace a port may still become free', async () => {
  const waiting = requireFreePorts([{ ...api, port }], 20_000);
  const stillWaiting = await Promise.race([waiting.then(() => 'done'), delay(50, 'waiting')]);
  expect(stillWaiting).toBe('waiting');
  server.close();
  await waiting;
});

test('ports handed out one after another differ while they are in use', async () => {
  const first = await findFreePort();
  const user = createServer().listen(first, '127.0.0.1');
  await once(user, 'listening');
  expect(await findFreePort()).not.toBe(first);
  user.close();
});

test('an address that this machine does not have is named, and no other port is proposed', async () => {
  const port = await findFreePort();
  await expect(requireFreePorts([{ ...api, port, host: '192.0.2.1' }])).rejects.toThrow(
    `port ${port} for the API cannot be used: this machine has no address 192.0.2.1; give its loopback interface that address`,
  );
});

test('the holder is named when it is another process', async () => {
  const script = runScript(
    `const server = (await import('node:net')).createServer().listen(0, '127.0.0.1', () => {
       process.stdout.write('port ' + server.address().port + '.');
     });`,
  );
  const taken = Number((await script.untilSays(/port (\d+)\./))[1]);
  const named = process.platform === 'linux' ? `taken by node (process ${script.pid})` : 'already taken';
  await expect(requireFreePorts([{ ...api, port: taken }])).rejects.toThrow(named);
  script.kill();
  await script.exited;
});
