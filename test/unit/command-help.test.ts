import { readdirSync } from 'node:fs';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { COMMANDS } from '../../src/cli/commands.ts';
import { runProgram } from '../../src/cli/program.ts';
import { repositoryPath } from '../support/repository.ts';

let [printed, complained] = ['', ''];
let exitCode: typeof process.exitCode;

beforeEach(() => {
  [printed, complained, exitCode] = ['', '', process.exitCode];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complained += String(text);
    return true;
  });
  // The program sees to its own end, and would end the process of the tests.
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  // No database is configured: help needs none.
  for (const name of ['DATABASE_URL', 'DATABASE_OWNER_URL', 'DATABASE_READER_URL']) vi.stubEnv(name, '');
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.removeAllListeners(signal);
  process.exitCode = exitCode;
});

/** Every command, alone and with each of its verbs. */
const LINES = Object.entries(COMMANDS).flatMap(([name, { verbs = [] }]) => [
  [name],
  ...verbs.map((verb) => [name, verb]),
]);
const REPORT = ['report', 'recent-failures'];

test.each([...LINES, REPORT].flatMap((line) => ['-h', '--help'].map((flag) => [[...line, flag]] as const)))(
  '%j says how it is used',
  async (line) => {
    await runProgram(line, COMMANDS);
    expect(printed, complained).toMatch(new RegExp(`^usage: remediation-audit ${line[0]}`));
    expect([process.exitCode, complained]).toEqual([0, '']);
  },
);

test.each(Object.entries(COMMANDS).filter(([, { verbs }]) => verbs !== undefined))(
  '%s answers programs in JSON, and its help says so',
  async (name) => {
    await runProgram([name, '--help'], COMMANDS);
    expect(printed).toContain('--json');
  },
);

test('each command that answers in JSON has its schema in docs/commands/, and no other has one', async () => {
  const wanted: string[] = [];
  for (const line of LINES) {
    const hasVerbs = line.length === 1 && COMMANDS[line[0] ?? '']?.verbs !== undefined;
    printed = '';
    await runProgram([...line, '--help'], COMMANDS);
    if (!hasVerbs && printed.includes('--json')) wanted.push(line.join('-'));
  }
  const described = readdirSync(repositoryPath('docs/commands'));
  // The other kind of line of `verify`.
  expect(described).toEqual([...wanted, 'verify-difference'].map((name) => `${name}.schema.json`).toSorted());
});

test.each([
  [['report', 'bogus'], 'there is no report "bogus"'],
  [['report', 'recent-failure'], 'did you mean recent-failures?'],
  [['report', 'recent-failures', '--sinc', '7d'], "Unknown option '--sinc'"],
  [['report', 'recent-failures', 'extra'], 'report: Unexpected argument "extra"\n'],
  [['similar', '--bogus'], "similar: Unknown option '--bogus'\n"],
  [['similar', '--text', 'oom', 'extra'], 'similar: Unexpected argument "extra"\n'],
  [['similar'], 'similar: give either --fingerprint or --text\n'],
  [['partitions', 'all'], 'partitions: Unexpected argument "all"\n'],
  [['quarantine', 'frob'], 'unknown command `quarantine frob`'],
  [['quarantine', 'list', 'more'], 'quarantine: Unexpected argument "more"; `quarantine --help` shows'],
  [['quarantine', 'list', '--limit', '0'], '--limit must be from 1 to'],
  [['quarantine', 'show', 'x'], 'quarantine show needs one id, as `quarantine list` shows it'],
  [['quarantine', 'redrive', '00000000-0000-4000-8000-000000000001'], '--by is required'],
  [['remediation', 'show', 'a/b/c', '--bogus'], "remediation: Unknown option '--bogus'\n"],
  [['remediation', 'show', 'a/b'], 'remediation: remediation show needs CLUSTER/NAMESPACE/NAME'],
  [['hold', 'list', '--bogus'], "hold: Unknown option '--bogus'\n"],
  [['hold', 'list', '--relased'], "hold: Unknown option '--relased'; did you mean --released?\n"],
  [['hold', 'plaec'], 'did you mean place? there are `hold list`, `hold place`, `hold release`\n'],
  [['hold', 'list', 'all'], 'hold: Unexpected argument "all"'],
  [['hold', 'place', '--by', 'me', '--reason', 'x'], 'a hold needs a scope'],
  [['hold', 'release', '--by', 'me'], 'needs the id of one hold'],
  [['retention', 'aprove', '2020-01'], 'did you mean approve?'],
  [['retention', 'approve', '2020-13', '--by', 'me'], 'a month is written YYYY-MM'],
  [['retention', 'approve', '2020-01'], '--by is required'],
  [['archive', 'verfy'], 'did you mean verify?'],
  [['strict', 'relase'], 'did you mean release?'],
  [['cluster', 'restore', 'prod'], 'did you mean restored?'],
  [['remediation', 'shwo', 'a/b/c'], 'did you mean show?'],
  [['cluster', 'restored', '--bogus'], "cluster: Unknown option '--bogus'\n"],
  [['watch', '--bogus'], "Unknown option '--bogus'; `watch` takes no arguments"],
])('%j is refused for what is wrong with it, before a database is wanted', async (line, message) => {
  await runProgram(line, COMMANDS);
  expect(complained).toContain(message);
  expect(complained).not.toContain('DATABASE');
  expect(process.exitCode).toBe(2);
});
