/*
 * The command line: one file per command, and this one that finds it.
 *
 * What comes in: the arguments after the name of the program, and the environment (through `config/` alone). What goes out:
 * an exit code that scripts can rely on (exit-codes.ts).
 *
 * A command reads its arguments completely before it opens a connection, so that a typo costs nothing. It ends when the
 * signal of the process is aborted. What a person reads at a terminal ends with the remedy: what to type, set or start.
 */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

import { UsageError } from '../config/settings.ts';
import { reasonOf } from '../domain/errors.ts';
import { nearestOf } from '../domain/nearest-word.ts';
import { EndedBySignal } from '../services/running-service.ts';
import type { Command, Commands } from './commands.ts';
import { EXIT, exitCodeOf, exitCodesText } from './exit-codes.ts';

/** Nothing takes this long to stop; what still runs by then was forgotten. */
const LONGEST_END_MS = 10_000;

/** Other commands write answers, for which somebody may take their time to read. `doctor` may leave a connection that hangs. */
const ENDED_AT_THE_LATEST: readonly string[] = ['watch', 'work', 'serve', 'doctor'];

/** Commands of the development kit; an installation has neither embedded servers nor a simulator. */
const DEVELOPMENT_COMMANDS: readonly string[] = ['up', 'simulate'];

function usage(commands: Commands): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(20)}${summary}`);
  return `usage: remediation-audit <command>

${lines.join('\n')}

  --help              show this
  --version           show the version

Configuration comes from the environment: docs/configuration.md lists every variable.

${exitCodesText({ isProcess: true })}`;
}

/** Runs one command until it ends or a signal stops it, and sets the exit code of the process. */
export async function runProgram(args: readonly string[], commands: Commands): Promise<void> {
  process.exitCode = await exitCodeAfter(args, commands);
  if (ENDED_AT_THE_LATEST.includes(args[0] ?? '')) endAtTheLatest(process.exitCode);
}

const HELP = ['--help', '-h', 'help'];
const VERSION = ['--version', '-v', 'version'];
/** Those that have flags or verbs of their own, and explain them themselves. */
const EXPLAINS_ITSELF =
  'up report remediation similar completeness simulate retention partitions quarantine hold archive verify strict token decode doctor'.split(
    ' ',
  );

/** What `-h`, `help X` and `X -h` mean, in the one form that commands know. */
function spelledOut([name = '--help', ...rest]: readonly string[]): readonly string[] {
  const [first] = rest;
  if (HELP.includes(name)) return first === undefined ? ['--help'] : [first, '--help'];
  if (VERSION.includes(name)) return ['--version'];
  return [name, ...rest.map((arg) => (arg === '-h' ? '--help' : arg))];
}

/** For commands whose configuration comes from the environment alone. */
function usageOf(name: string, commands: Commands): string {
  const { summary, takes = '' } = commandNamed(name, commands);
  return `usage: remediation-audit ${name}${takes}\n\n  ${summary}\n\nIts variables: docs/configuration.md.\n`;
}

async function exitCodeAfter(args: readonly string[], commands: Commands): Promise<number> {
  const [name = '--help', ...rest] = spelledOut(args);
  if (name === '--help') return say(usage(commands));
  if (name === '--version') return say(`${version()}\n`);
  const stop = new AbortController();
  // The one owner of the process: every other part is stopped by this signal, in order.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop.abort(signal);
    });
  }
  try {
    await runCommand({ name, args: rest, commands }, stop.signal);
    return EXIT.ok.code;
  } catch (error: unknown) {
    // Stopped while it was starting: whatever waited was aborted, and that is not a failure.
    if (stop.signal.aborted && isStop(error, stop.signal)) return EXIT.ok.code;
    process.stderr.write(`remediation-audit ${name}: ${reasonOf(error)}\n`);
    if (error instanceof EndedBySignal) return exitCodeOfSignal(stop.signal);
    return exitCodeOf(error);
  }
}

async function runCommand(
  { name, args, commands }: { name: string; args: readonly string[]; commands: Commands },
  stop: AbortSignal,
): Promise<void> {
  if (args.includes('--help') && !EXPLAINS_ITSELF.includes(name)) say(usageOf(name, commands));
  else await commandNamed(name, commands).run(args, stop);
}

/** Own names only: a table also has `constructor` and `toString`. */
function commandNamed(name: string, commands: Commands): Command {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command;
  if (DEVELOPMENT_COMMANDS.includes(name)) {
    throw new UsageError(
      `${name} belongs to the development kit, which is not installed: run it in a checkout, \`npm run remediation-audit -- ${name}\``,
    );
  }
  const nearest = nearestOf(name, Object.keys(commands));
  const meant = nearest === undefined ? '' : `did you mean ${nearest}? `;
  throw new UsageError(`unknown command ${name}; ${meant}\`remediation-audit --help\` lists them`);
}

/** What a wait that `stop` ended rejects with: the reason of the signal, or the AbortError of Node. */
function isStop(error: unknown, stop: AbortSignal): boolean {
  return error === stop.reason || (error instanceof Error && error.name === 'AbortError');
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function say(text: string): number {
  process.stdout.write(text);
  return EXIT.ok.code;
}

/** A process that has done its work but does not end would never be restarted by whoever supervises it. */
function endAtTheLatest(code: number): void {
  setTimeout(() => {
    const left = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`remediation-audit: still open after everything was stopped: ${left}; ending\n`);
    process.exit(code);
  }, LONGEST_END_MS).unref();
}

const SIGNAL_EXIT_BASE = 128;

/** What a shell says of a program that a signal ended. */
function exitCodeOfSignal({ reason }: AbortSignal): number {
  return SIGNAL_EXIT_BASE + constants.signals[reason as NodeJS.Signals];
}
