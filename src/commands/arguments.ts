import { parseArgs } from 'node:util';

import { UsageError } from '../settings.ts';

/** For commands whose whole configuration comes from the environment. */
export function takeNoArguments(name: string, args: readonly string[]): void {
  try {
    parseArgs({ args: [...args], options: {}, allowPositionals: false });
  } catch (error: unknown) {
    throw new UsageError(
      `${error instanceof Error ? error.message : String(error)}; \`${name}\` takes no arguments, its configuration comes from the environment`,
    );
  }
}
