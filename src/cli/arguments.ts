import { parseArgs, type ParseArgsConfig } from 'node:util';

import { UsageError } from '../config/settings.ts';
import { reasonOf } from '../domain/errors.ts';
import { nearestOf } from '../domain/nearest-word.ts';

/**
 * Flags and positional arguments of a command. What Node cannot make sense of, such as an unknown flag or one
 * without its value, is a mistake in how the command was called: a UsageError, exit code 2.
 */
export function readFlags<const O extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: O,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error: unknown) {
    throw new UsageError(withNearest(ownWords(error), Object.keys(options)));
  }
}

/** For commands that take flags alone; `usage` follows what is wrong, because the flags differ from one report to the next. */
export function readFlagsAlone<const O extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: O,
  usage: string,
) {
  try {
    const { values, positionals } = readFlags(args, options);
    const [unexpected] = positionals;
    if (unexpected === undefined) return values;
    throw new UsageError(`Unexpected argument ${JSON.stringify(unexpected)}`);
  } catch (error: unknown) {
    throw new UsageError(`${reasonOf(error)}\n\n${usage}`);
  }
}

/** Node goes on with how an argument that begins with a hyphen would be written, which no command takes. */
function ownWords(error: unknown): string {
  return reasonOf(error).replace(/\. To specify a positional argument .*$/s, '');
}

/** What Node says of an unknown flag, with the one that was probably meant. */
function withNearest(message: string, known: readonly string[]): string {
  const [, flag] = /^Unknown option '--([^']+)'/.exec(message) ?? [];
  const nearest = flag === undefined ? undefined : nearestOf(flag, known);
  return nearest === undefined ? message : `${message}; did you mean --${nearest}?`;
}

/** The verb as one that the command has; for another word which it has, and the one that was probably meant. */
export function readVerb<const V extends string>(command: string, word: string, verbs: readonly V[]): V {
  const verb = verbs.find((one) => one === word);
  if (verb !== undefined) return verb;
  const nearest = nearestOf(word, verbs);
  const meant = nearest === undefined ? '' : `did you mean ${nearest}? `;
  const known = verbs.map((one) => `\`${command} ${one}\``).join(', ');
  throw new UsageError(`unknown command \`${command} ${word}\`; ${meant}there are ${known}`);
}

/** For what takes fewer words than it was given. */
export function noMore(command: string, words: readonly string[]): void {
  const [word] = words;
  if (word !== undefined)
    throw new UsageError(
      `Unexpected argument ${JSON.stringify(word)}; \`${command} --help\` shows what it takes`,
    );
}

/** For what the record of a hold or of a consent keeps: who, and why. Blanks alone do not count. */
export function requiredFlag(
  values: Readonly<Record<string, string | boolean | undefined>>,
  name: string,
): string {
  const value = values[name];
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw new UsageError(`--${name} is required: it is stored for ever`);
}

/**
 * For commands whose whole configuration comes from the environment: any argument is a UsageError, whose
 * message says where to put it instead.
 */
export function takeNoArguments(name: string, args: readonly string[]): void {
  try {
    parseArgs({ args: [...args], options: {}, allowPositionals: false });
  } catch (error: unknown) {
    throw new UsageError(
      `${ownWords(error)}; \`${name}\` takes no arguments, its configuration comes from the environment`,
    );
  }
}

/**
 * `2026-03` as `2026-03-01`, the date by which database and archive name a month. Any other form is a
 * UsageError.
 */
export function readMonth(text: string): string {
  if (!/^\d{4}-(?:0[1-9]|1[0-2])$/.test(text))
    throw new UsageError(`a month is written YYYY-MM, for example 2026-03, not ${JSON.stringify(text)}`);
  return `${text}-01`;
}
