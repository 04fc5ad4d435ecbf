import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { calendarClocks, type Clock } from '../test/support/calendar-clocks.ts';

/** Runs the tests that depend on a date under other clocks than today's, in this process tree and in the servers. */
const USAGE = `npm run test:calendar -- [CLOCK...] [--worst | --all-projects] [--counts FOLDER]

Without CLOCK all of them; --worst only those that CI runs, on the tests that ask for the date.
--all-projects runs everything that npm test runs.
--counts keeps vitest's JSON of every run in a folder.`;

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SOURCES = ['clock-shift.c', 'clock-shift-exec.c'].map((name) => join(ROOT, 'test', 'support', name));
const VITEST = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
const PROJECTS = ['unit', 'database', 'archive'];
const OTHER_PROJECTS = ['replay', 'api', 'temporal', 'cluster', 'e2e', 'deploy'];
const READABLE_BY_ALL = 0o755;
/** A process needs some time to say what its clock is. */
const TOLERANCE_MS = 10_000;

/** Where a month, a day or a zone is worked out. Each starts anew at the clock's instant. */
const WORST_FILES: readonly (readonly string[])[] = [
  ['unit', 'test/unit/instant.test.ts', 'test/unit/duration.test.ts', 'test/unit/binaries-lock.test.ts'],
  ['database', 'test/database/clock.test.ts', 'test/database/calendar.test.ts'],
  ['database', 'test/database/partitions.test.ts'],
  [
    'database',
    'test/database/month-reconciler.test.ts',
    'test/database/reports.test.ts',
    'test/database/plans.test.ts',
  ],
  ['archive', 'test/archive/retention.test.ts'],
  ['archive', 'test/archive/expire.test.ts', 'test/archive/restore.test.ts'],
  ['archive', 'test/archive/combined-reports.test.ts', 'test/archive/combined-lists.test.ts'],
];

interface Counts {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
}

interface Run {
  readonly clock: Clock;
  readonly project: string;
  readonly files: readonly string[];
}

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      worst: { type: 'boolean' },
      'all-projects': { type: 'boolean' },
      counts: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const known = calendarClocks(Date.now());
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n\n${known.map(describeClock).join('\n')}\n`);
    return 0;
  }
  const clocks = chooseClocks(known, positionals, values.worst === true);
  const folder = mkdtempSync(join(tmpdir(), 'test-calendar-'));
  try {
    const library = compileLibrary(folder);
    const counts = values.counts ?? join(folder, 'counts');
    mkdirSync(counts, { recursive: true });
    const projects = values['all-projects'] === true ? [...PROJECTS, ...OTHER_PROJECTS] : PROJECTS;
    const runs = values.worst === true ? worstRunsOf(clocks) : runsOf(clocks, projects);
    return runAll(runs, library, counts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function describeClock({ name, at, zone, why }: Clock): string {
  return `${name.padEnd(14)} ${new Date(at).toISOString()}${zone === undefined ? '' : ` ${zone}`}: ${why}`;
}

function chooseClocks(known: readonly Clock[], names: readonly string[], worst: boolean): readonly Clock[] {
  const unknown = names.find((name) => !known.some((clock) => clock.name === name));
  if (unknown !== undefined) {
    throw new Error(`no clock is called "${unknown}"; there are ${known.map(({ name }) => name).join(', ')}`);
  }
  if (names.length > 0) return known.filter(({ name }) => names.includes(name));
  return worst ? known.filter(({ isWorst }) => isWorst) : known;
}

/** The user that PostgreSQL runs as loads it too, so everybody may read it. */
function compileLibrary(folder: string): string {
  if (process.platform !== 'linux') {
    throw new Error('cannot shift the clock: this needs Linux; run it there, for example in a container');
  }
  chmodSync(folder, READABLE_BY_ALL);
  const library = join(folder, 'clock-shift.so');
  const args = ['-shared', '-fPIC', '-O2', '-Wall', '-Werror', '-o', library, ...SOURCES, '-ldl'];
  const done = spawnSync('cc', args, { encoding: 'utf8' });
  if (done.error !== undefined) {
    throw new Error(
      'cannot shift the clock: there is no C compiler; install one, for example with apt-get install gcc libc6-dev',
      { cause: done.error },
    );
  }
  if (done.status !== 0) throw new Error(`cannot compile ${SOURCES.join(' and ')}:\n${done.stderr}`);
  chmodSync(library, READABLE_BY_ALL);
  return library;
}

function worstRunsOf(clocks: readonly Clock[]): readonly Run[] {
  return clocks.flatMap((clock) =>
    WORST_FILES.map(([project = '', ...files]) => ({ clock, project, files })),
  );
}

function runsOf(clocks: readonly Clock[], projects: readonly string[]): readonly Run[] {
  return clocks.flatMap((clock) => projects.map((project) => ({ clock, project, files: [] })));
}

function runAll(runs: readonly Run[], library: string, counts: string): number {
  const broken: string[] = [];
  const total: Counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
  for (const [index, run] of runs.entries()) {
    const file = join(counts, `${run.clock.name}-${index}.json`);
    process.stdout.write(`\n${describeClock(run.clock)}\n${run.project} ${run.files.join(' ')}\n`);
    const variables = variablesOf(run.clock, library);
    requireShifted(run.clock, variables);
    const status = runTests(run, variables, file);
    if (status !== 0) broken.push(`${run.clock.name}: ${run.project} ${run.files.join(' ')}`);
    add(total, file);
  }
  for (const line of broken) process.stdout.write(`failed under the clock ${line}\n`);
  const { numPassedTests, numFailedTests, numPendingTests } = total;
  process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
  return broken.length === 0 ? 0 : 1;
}

function variablesOf({ at, zone }: Clock, library: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    LD_PRELOAD: library,
    // An offset, so that all processes of a run agree, and the clock goes on between them.
    CLOCK_SHIFT_SECONDS: String(Math.round((at - Date.now()) / 1_000)),
    ...(zone === undefined ? {} : { TZ: zone }),
  };
}

/** Without it every test would pass under today's clock, and nobody would know. */
function requireShifted({ name, at }: Clock, env: NodeJS.ProcessEnv): void {
  const { stdout, stderr } = spawnSync(process.execPath, ['-p', 'Date.now()'], { env, encoding: 'utf8' });
  const distanceMs = Number(stdout) - at;
  if (Math.abs(distanceMs) < TOLERANCE_MS) return;
  throw new Error(
    `the clock ${name} does not reach the processes that are to have it: they see ${stdout.trim()}. ${stderr}`,
  );
}

function runTests({ project, files }: Run, env: NodeJS.ProcessEnv, file: string): number {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const args = [VITEST, 'run', '--project', project, ...reporters, ...files];
  const done = spawnSync(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' });
  if (done.error !== undefined) throw done.error;
  return done.status ?? 1;
}

/** A run that broke off before its tests has no counts; its exit code says that it failed. */
function add(total: Counts, file: string): void {
  if (!existsSync(file)) return;
  const counts = JSON.parse(readFileSync(file, 'utf8')) as Counts;
  total.numPassedTests += counts.numPassedTests;
  total.numFailedTests += counts.numFailedTests;
  total.numPendingTests += counts.numPendingTests;
}

try {
  process.exitCode = main();
} catch (error: unknown) {
  process.stderr.write(`${String(error instanceof Error ? error.message : error)}\n`);
  process.exitCode = 1;
}
