import { parseArgs, type ParseArgsConfig } from 'node:util';

import { UsageError } from '../config/settings.ts';
import { reasonOf } from '../domain/errors.ts';

/** Flags and names of a command; what Node cannot make sense of is a mistake in how it was called. */
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

/** For commands whose whole configuration comes from the environment. */
export function takeNoArguments(name: string, args: readonly string[]): void {
  try {
    parseArgs({ args: [...args], options: {}, allowPositionals: false });
  } catch (error: unknown) {
    throw new UsageError(
      `${reasonOf(error)}; \`${name}\` takes no arguments, its configuration comes from the environment`,
    );
  }
}
