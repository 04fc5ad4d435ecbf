import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from 'vitest';

import {
  type RunningServer,
  ServerNotReady,
  startServer,
  untilReady,
} from '../../dev/servers/process/child-process.ts';
import { isGone, isRoot, ORDINARY_USER, runScript } from '../support/processes.ts';
import { until } from '../support/until.ts';

const shell = (script: string) => ({ name: 'a shell', command: '/bin/sh', args: ['-c', script] });
const nothingButShell = mkdtempSync(join(tmpdir(), 'path-without-setpriv-'));
for (const program of ['sh', 'sleep']) symlinkSync(`/bin/${program}`, join(nothingButShell, program));
afterAll(() => {
  rmSync(nothingButShell, { recursive: true });
});

const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
const says = (server: RunningServer, text: string): Promise<void> =>
  until(() => server.recentOutput().includes(text), `it says ${text}`);

test('a server has the process id of the program itself', async () => {
  await using server = startServer({ name: 'sleep', command: '/bin/sleep', args: ['600'] });
  await until(() => nameOf(server.pid) === 'sleep', 'the program runs');
});

test('what a server writes last is kept, and no more than that', async () => {
  await using server = startServer(
    shell('for i in $(seq 20000); do echo "line $i"; done; echo done; exec sleep 600'),
  );
  await says(server, 'done');
  expect(server.recentOutput()).toContain('line 20000');
  expect(server.recentOutput().length).toBeLessThanOrEqual(64 * 1_024);
});

test('a server that ignores the stop signal is killed after its deadline', async () => {
  const server = startServer({
    ...shell('trap "" TERM; echo ready; while :; do sleep 0.1; done'),
    stopDeadlineMs: 300,
  });
  await says(server, 'ready');
  expect(await server.stop()).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a server is asked with its own stop signal, and stopping twice is one stop', async () => {
  const server = startServer({
    ...shell('trap "exit 7" INT; echo ready; while :; do sleep 0.1; done'),
    stopSignal: 'SIGINT',
  });
  await says(server, 'ready');
  const [first, second] = await Promise.all([server.stop(), server.stop()]);
  expect(first).toEqual({ code: 7, signal: null });
  expect(second).toBe(first);
  expect(await server.stop()).toBe(first);
});

test('a server is in a session of its own, where Ctrl-C of the terminal does not reach it', async () => {
  await using server = startServer({ name: 'sleep', command: '/bin/sleep', args: ['600'] });
  const session = readFileSync(`/proc/${server.pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')[3];
  expect(Number(session)).toBe(server.pid);
});

test('a server gets the environment it is given and nothing else', async () => {
  await using server = startServer({
    ...shell('echo "[$HOME|$GIVEN]"; exec sleep 600'),
    env: { GIVEN: 'yes', PATH: '/bin' },
  });
  await says(server, '[|yes]');
});

test('a probe that throws says not yet, and a probe that hangs meets the deadline', async () => {
  await using server = startServer({ name: 'sleep', command: '/bin/sleep', args: ['600'] });
  let calls = 0;
  const third = async (): Promise<boolean> => {
    calls += 1;
    if (calls < 3) throw new Error('refused');
    return Promise.resolve(true);
  };
  await untilReady(server, third, { deadlineMs: 10_000, what: 'cannot start it' });
  expect(calls).toBe(3);
  const hangs = (): Promise<boolean> => new Promise(() => undefined);
  await expect(untilReady(server, hangs, { deadlineMs: 100, what: 'cannot start it' })).rejects.toThrow(
    'cannot start it: sleep did not answer within 0.1 s',
  );
});

test('a server that ends before it answers is reported with its exit code and its last words', async () => {
  const server = startServer(shell('echo "no such luck" >&2; exit 3'));
  const failure = await untilReady(server, () => Promise.resolve(false), {
    deadlineMs: 10_000,
    what: 'cannot go',
  }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ServerNotReady);
  expect((failure as Error).message).toBe(
    'cannot go: a shell ended before it answered (exit code 3); its last output:\nno such luck',
  );
});

test('a program that does not exist is reported by name', async () => {
  const server = startServer({ name: 'ghost', command: '/no/such/program', args: [] });
  await expect(
    untilReady(server, () => Promise.resolve(false), { deadlineMs: 10_000, what: 'cannot start the ghost' }),
  ).rejects.toThrow(/ghost: .*\/no\/such\/program/);
});

test('a working folder that does not exist is reported at once', () => {
  expect(() => startServer({ ...shell('true'), cwd: '/no/such/folder' })).toThrow(
    'cannot start a shell in /no/such/folder',
  );
});

test('a server whose parent dies before the kernel knows of it is not left behind', async () => {
  const slow = mkdtempSync(join(tmpdir(), 'slow-setpriv-'));
  const real = execFileSync('/bin/sh', ['-c', 'command -v setpriv'], { encoding: 'utf8' }).trim();
  const parentOf = `"$(cut -d ' ' -f 4 "/proc/$$/stat")"`;
  // The parent that is to go is the eighth argument. Its $PPID would be the next one, when it starts after that.
  const lateOnce = `for last; do :; done; [ "$last" = true ] || while [ ${parentOf} = "$8" ]; do sleep 0.01; done`;
  writeFileSync(join(slow, 'setpriv'), `#!/bin/sh\n${lateOnce}\nexec ${real} "$@"\n`, { mode: 0o755 });
  const script = runScript(
    `const { startServer } = await import(source('dev/servers/process/child-process.ts'));
     const server = startServer({ name: 'sleep', command: '/bin/sleep', args: ['600'] });
     (await import('node:fs')).writeSync(1, 'pid ' + server.pid + '.');
     process.kill(process.pid, 'SIGKILL');`,
    { env: { PATH: `${slow}:${process.env['PATH'] ?? ''}` } },
  );
  const pid = Number((await script.untilSays(/pid (\d+)\./))[1]);
  await until(() => isGone(pid), 'the server is gone');
  rmSync(slow, { recursive: true });
});

describe.each([
  ['with setpriv', process.env['PATH'] ?? ''],
  ['with the watchdog, where there is no setpriv', nothingButShell],
])('%s', (_, PATH) => {
  const START = `const { startServer } = await import(source('dev/servers/process/child-process.ts'));`;

  test('a server ends when its parent is killed', async () => {
    const script = runScript(
      `${START} const server = startServer({ name: 'sleep', command: '/bin/sleep', args: ['600'] });
       process.stdout.write('pid ' + server.pid + '.');`,
      { env: { PATH } },
    );
    const pid = Number((await script.untilSays(/pid (\d+)\./))[1]);
    await until(() => nameOf(pid) === 'sleep', 'the program runs');
    script.kill();
    await until(() => isGone(pid), 'the server is gone');
  });

  test('a server whose parent is killed in the moment it is started is not left behind', async () => {
    const script = runScript(
      `${START} const server = startServer({ name: 'sleep', command: '/bin/sleep', args: ['600'] });
       (await import('node:fs')).writeSync(1, 'pid ' + server.pid + '.');
       process.kill(process.pid, 'SIGKILL');`,
      { env: { PATH } },
    );
    const pid = Number((await script.untilSays(/pid (\d+)\./))[1]);
    await until(() => isGone(pid), 'the server is gone');
  });

  test('a parent may go once its server has ended', async () => {
    const script = runScript(
      `${START} const server = startServer({ name: 'shell', command: '/bin/sh', args: ['-c', 'exit 4'] });
       process.stdout.write(JSON.stringify(await server.exited));`,
      { env: { PATH } },
    );
    expect(await script.exited).toBe(0);
    expect(script.output()).toBe('{"code":4,"signal":null}');
  });

  if (isRoot) {
    test('root runs a server as another user, who has none of the groups of root', async () => {
      const spec = {
        name: 'sleep',
        command: '/bin/sleep',
        args: ['600'],
        identity: { ...ORDINARY_USER, keepFileAccess: false },
      };
      const script = runScript(
        `${START} const server = startServer(${JSON.stringify(spec)});
         process.stdout.write('pid ' + server.pid + '.');`,
        { env: { PATH } },
      );
      const pid = Number((await script.untilSays(/pid (\d+)\./))[1]);
      const status = (): string => readFileSync(`/proc/${pid}/status`, 'utf8');
      await until(() => status().startsWith('Name:\tsleep\n'), 'the program runs');
      expect(status()).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
      expect(status()).toMatch(/^Gid:\t65534\t65534\t65534\t65534$/m);
      expect(status()).toMatch(/^Groups:\s*(65534)?\s*$/m);
      expect(status()).toMatch(/^CapEff:\t0+$/m);
      script.kill();
      await until(() => isGone(pid), 'the server is gone');
    });
  }
});
