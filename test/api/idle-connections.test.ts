import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { findFreePort } from '../../dev/servers/process/ports.ts';
import { until } from '../support/until.ts';
import { type RunningProgram, startProgram } from '../support/up.ts';

const HELD = 10_000;
/** Room to ask the service meanwhile. */
const MAX_CONNECTIONS = HELD + 20;
const SURPLUS = 40;
const AT_ONCE = 200;
const DEADLINE_MS = 120_000;
const MEBI = 1024 * 1024;
/** Measured: 171 MiB, 17 KiB a connection. */
const MAX_GROWTH_BYTES = 320 * MEBI;

let service: RunningProgram;
let port: number;
const sockets: Socket[] = [];

beforeAll(async () => {
  port = await findFreePort();
  service = startProgram(['serve'], {
    env: {
      // Nobody is there: idle connections are no matter of the database.
      DATABASE_URL: 'postgres://audit_writer@127.0.0.1:1/audit',
      DATABASE_READER_URL: 'postgres://audit_reader@127.0.0.1:1/audit',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      REMEDIATION_AUDIT_API_PORT: String(port),
      REMEDIATION_AUDIT_API_MAX_CONNECTIONS: String(MAX_CONNECTIONS),
      REMEDIATION_AUDIT_LOG_LEVEL: 'warn',
    },
  });
  await until(async () => (await metric('process_resident_memory_bytes')) > 0, 'the service answers');
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  service.child.kill('SIGKILL');
  await service.exited;
});

/** Over a connection that is closed at once; 0 while nobody answers. */
async function metric(name: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } }).catch(
    () => undefined,
  );
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec((await answer?.text()) ?? '')?.[1] ?? 0);
}

/** A connection that was used once and then says nothing more. */
async function openIdle(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  // The service may end it; whether it does is what the test asks.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write('GET /healthz HTTP/1.1\r\nhost: idle\r\n\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString('latin1')).toMatch(/^HTTP\/1.1 200 /);
  return socket;
}

test(
  '10,000 idle connections are held in bounded memory; those beyond the limit are refused, counted and logged',
  async () => {
    const before = await metric('process_resident_memory_bytes');
    for (let open = 0; open < HELD; open += AT_ONCE)
      await Promise.all(Array.from({ length: AT_ONCE }, openIdle));
    const grown = (await metric('process_resident_memory_bytes')) - before;
    process.stdout.write(`${HELD} idle connections take ${Math.round(grown / MEBI)} MiB\n`);
    expect(grown).toBeGreaterThan(0);
    expect(grown).toBeLessThan(MAX_GROWTH_BYTES);

    const surplus = Array.from({ length: SURPLUS }, () =>
      connect(port, '127.0.0.1').on('error', () => undefined),
    );
    await until(() => service.output().includes('too many are open'), 'a refusal is logged');
    for (const socket of surplus) socket.destroy();
    await until(
      async () => (await metric('remediation_audit_api_connections_refused_total')) > 0,
      'the refusal is counted, and the service answers again',
    );
    expect(sockets.filter((socket) => socket.closed)).toEqual([]);
  },
  DEADLINE_MS,
);
