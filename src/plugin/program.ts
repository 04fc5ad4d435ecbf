/*
 * `kubectl remediation`: what users ask about remediations, over the API, as whoever their kubeconfig says they are.
 *
 * In: arguments, the environment of a user, a kubeconfig. Out: data on standard output, remarks on standard error, and an exit
 * code (exit-codes.ts).
 *
 * What must stay true: it knows the service by its answers alone, so that one program serves several of its versions; nothing
 * that somebody wrote into a resource moves the cursor or colours the terminal; a wrong argument is found before anybody is asked.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

import { EXIT, exitCodeOf } from '../cli/exit-codes.ts';
import { UsageError } from '../config/settings.ts';
import { readUserEnvironment, type UserEnvironment } from '../config/user-environment.ts';
import { reasonOf } from '../domain/errors.ts';
import { nearestOf } from '../domain/nearest-word.ts';
import { withProgress } from '../terminal/progress.ts';
import { safeText } from '../terminal/text.ts';
import type { PluginCommand } from './command.ts';
import { DIFF } from './commands/diff.ts';
import { GAPS } from './commands/gaps.ts';
import { LIST } from './commands/list.ts';
import { SHOW, TIMELINE, WHY } from './commands/remediation.ts';
import { REPORT } from './commands/report.ts';
import { SIMILAR } from './commands/similar.ts';
import { candidatesFor, completionScript, OWN_WORDS } from './completion.ts';
import { connect } from './connection/connect.ts';
import { connectionChoice, outputChoice, readCommandLine } from './flags.ts';
import { helpOf, programHelp } from './help.ts';
import { formattedAnswer } from './output/format.ts';
import { viewFor } from './output/terminal.ts';

export const PLUGIN_COMMANDS = {
  list: LIST,
  show: SHOW,
  timeline: TIMELINE,
  why: WHY,
  diff: DIFF,
  gaps: GAPS,
  similar: SIMILAR,
  report: REPORT,
} as const satisfies Readonly<Record<string, PluginCommand>>;

/** kubectl starts a program of this name to complete the command line of the plugin. */
const COMPLETER = 'kubectl_complete-remediation';

/** Runs one command and sets the exit code. `program` is the name under which it was started. */
export async function runPlugin(args: readonly string[], program: string): Promise<void> {
  // Whoever reads the first lines only, such as `head`, has what they wanted.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.ok.code);
  });
  const words = basename(program).replace(/\.[cm]?[jt]s$/, '') === COMPLETER ? ['__complete', ...args] : args;
  try {
    process.exitCode = await run(words, readUserEnvironment());
  } catch (error: unknown) {
    process.stderr.write(`kubectl remediation: ${messageOf(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

async function run(
  [name = 'help', ...args]: readonly string[],
  environment: UserEnvironment,
): Promise<number> {
  const own = ownAnswer(name, args);
  if (own !== undefined) return print(own);
  const command = commandNamed(name);
  if (args.includes('--help') || args.includes('-h')) return print(helpOf(name, command));
  return ask({ name, command, args }, environment);
}

/** What needs no service; undefined where the name is that of a question. */
function ownAnswer(name: string, args: readonly string[]): string | undefined {
  switch (name) {
    case 'help':
    case '--help':
    case '-h':
      return args[0] === undefined ? programHelp(PLUGIN_COMMANDS) : helpOf(args[0], commandNamed(args[0]));
    case 'version':
    case '--version':
    case '-v':
      return `${version()}\n`;
    case 'completion':
      return completionScript(args);
    case '__complete':
      return candidatesFor(args, PLUGIN_COMMANDS);
    default:
      return undefined;
  }
}

function commandNamed(name: string): PluginCommand {
  const commands: Readonly<Record<string, PluginCommand>> = PLUGIN_COMMANDS;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command;
  if (name.startsWith('-'))
    throw new UsageError(`the command comes first, such as \`kubectl remediation list ${name} …\``);
  const nearest = nearestOf(name, [...Object.keys(commands), ...Object.keys(OWN_WORDS)]);
  const meant = nearest === undefined ? '' : `did you mean ${nearest}? `;
  throw new UsageError(`unknown command ${name}; ${meant}\`kubectl remediation help\` lists them`);
}

interface Asked {
  readonly name: string;
  readonly command: PluginCommand;
  readonly args: readonly string[];
}

async function ask({ name, command, args }: Asked, environment: UserEnvironment): Promise<number> {
  const line = readCommandLine(args, command.flags);
  const output = outputChoice(line, command.formats);
  const choice = connectionChoice(line, environment);
  const question = command.prepare(line);
  const view = viewFor(output, process.stdout, environment);
  const waiting = { stream: process.stderr, terminal: environment.terminal, what: `waiting for ${name}` };
  const answer = await withProgress(waiting, async () => {
    await using connected = await connect(choice);
    return await question(connected, view.nowMs);
  });
  for (const remark of answer.remarks ?? []) process.stderr.write(`${safeText(remark)}\n`);
  print(formattedAnswer(answer, output.format, { view, isTerminal: process.stdout.isTTY }));
  return answer.isNeverWatched === true ? EXIT.configuration.code : EXIT.ok.code;
}

function print(text: string): number {
  process.stdout.write(text);
  return EXIT.ok.code;
}

/** A message may hold what the service answered, and lines of its own. */
function messageOf(error: unknown): string {
  return reasonOf(error).split('\n').map(safeText).join('\n');
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
