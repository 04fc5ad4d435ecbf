import { isDeepStrictEqual } from 'node:util';

import { expect, test } from 'vitest';

import { readableLine } from '../../src/observability/logger.ts';
import { Outages } from '../../src/observability/outages.ts';
import { until } from '../support/until.ts';

interface Written {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

function open() {
  const written: Written[] = [];
  const direct: string[] = [];
  const server = { isAway: false, probes: 0, meanwhile: (): void => undefined };
  const warn = (fields: Written['fields'], message: string): void => void written.push({ fields, message });
  const timing = { probeMs: 1, answerMs: 1_000, quietMs: 50, reportMs: 20 };
  const outages = new Outages(warn, timing);
  outages.watch('database', {
    called: 'the database',
    meanwhile: 'everything waits',
    remedy: 'start it',
    probe: () => {
      server.probes += 1;
      server.meanwhile();
      return server.isAway ? Promise.reject(new Error('connection refused')) : Promise.resolve();
    },
  });
  const fail = (message: string): void => {
    const write = (): void => void direct.push(message);
    if (!outages.take('database', { message, isUnanswered: true, write })) write();
  };
  return { written, direct, server, outages, fail };
}

test('a call that failed while the server answers is written as it is', async () => {
  const { written, direct, fail, server } = open();
  fail('one connection was lost');
  await until(() => direct.length === 1, 'the line is written');
  expect({ written, direct, probes: server.probes }).toEqual({
    written: [],
    direct: ['one connection was lost'],
    probes: 1,
  });
});

test('a thousand failures of one outage are counted by their message', async () => {
  const { written, direct, fail, server } = open();
  server.isAway = true;
  for (let number = 0; number < 80; number += 1) fail('cannot store');
  await until(() => written.length > 0, 'it begins');
  expect(written[0]).toEqual({
    fields: { away: 'database', reason: 'connection refused' },
    message: 'the database does not answer: everything waits; start it',
  });
  for (let number = 0; number < 900; number += 1) fail('cannot store');
  for (let number = 0; number < 20; number += 1) fail('cannot read');
  const counts = { 'cannot store': 980, 'cannot read': 20 };
  const saysSo = ({ fields, message }: Written): boolean =>
    message === 'the database still does not answer; start it' && isDeepStrictEqual(fields['failed'], counts);
  await until(() => written.some(saysSo), 'it says that it goes on');
  server.isAway = false;
  await until(() => written.at(-1)?.message === 'the database answers again', 'it ends');
  expect(written.at(-1)?.fields).toMatchObject({
    back: 'database',
    reason: 'connection refused',
    failed: { 'cannot store': 980, 'cannot read': 20 },
  });
  expect(direct).toEqual([]);
});

test('of many failures while the server answers some are written and the others counted', async () => {
  const { written, direct, fail } = open();
  for (let number = 0; number < 50; number += 1) fail('refused');
  await until(() => written.length === 1, 'the rest is counted');
  expect(direct).toHaveLength(20);
  expect(written[0]).toEqual({
    fields: { of: 'database', count: 30, failed: { refused: 50 } },
    message: 'more calls to the database failed, though it answers',
  });
});

test('an outage goes on while calls fail, although a probe is answered', async () => {
  const { written, fail, server } = open();
  server.isAway = true;
  fail('cannot store');
  await until(() => written.length > 0, 'it begins');
  server.isAway = false;
  server.meanwhile = () => {
    fail('cannot store');
  };
  const probes = server.probes;
  await until(() => server.probes > probes + 20, 'it was probed often');
  expect(written.map(({ message }) => message)).not.toContain('the database answers again');
  server.meanwhile = () => undefined;
  await until(() => written.at(-1)?.message === 'the database answers again', 'it ends');
});

test('a server that nobody named and a closing process write their lines', async () => {
  const { direct, outages, fail } = open();
  expect(outages.take('temporal', { message: 'x', isUnanswered: true, write: () => undefined })).toBe(false);
  await outages.close();
  fail('while it ends');
  expect(direct).toEqual(['while it ends']);
});

test('on a terminal a line is for people', () => {
  const line = JSON.stringify({
    ...{ level: 'warn', time: '2026-11-30T01:02:03.456Z', service: 'work' },
    ...{ away: 'database', failed: { 'Activity failed': 3 }, reason: 'connect refused', msg: 'it is away' },
  });
  expect(readableLine(line)).toBe(
    '01:02:03 warn  work: it is away away=database failed={"Activity failed":3} reason="connect refused"\n',
  );
  const failed = JSON.stringify({
    ...{ level: 'error', time: '2026-11-30T01:02:03.456Z', service: 'serve', msg: 'no' },
    err: { message: 'm', stack: 'Error: m\n    at f' },
  });
  expect(readableLine(failed)).toBe('01:02:03 error serve: no\n  Error: m\n      at f\n');
});
