import { parseArgs, type ParseArgsConfig } from 'node:util';

import { UsageError } from '../config/settings.ts';
import { reasonOf } from '../domain/errors.ts';

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
    throw new UsageError(reasonOf(error));
  }
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
      `${reasonOf(error)}; \`${name}\` takes no arguments, its configuration comes from the environment`,
    );
  }
}
