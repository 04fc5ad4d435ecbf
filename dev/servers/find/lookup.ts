import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import type { ServerDefinition } from './catalogue.ts';
import { outputOf } from './run-step.ts';

/** The first executable file of that name in the folders of a PATH. */
export async function findProgram(command: string, searchPath: string): Promise<string | undefined> {
  for (const folder of searchPath.split(delimiter)) {
    if (folder === '') continue;
    const candidate = join(folder, command);
    if (await isProgram(candidate)) return candidate;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    // Missing, or not ours to run: both mean "look further".
    return false;
  }
}

/** Why what lies at a path is not the pinned server; undefined when it is. */
export async function findFault(definition: ServerDefinition, path: string): Promise<string | undefined> {
  const { program, args, expect } = definition.identify;
  const needed = [...(program === undefined ? [] : [program]), ...(definition.needs ?? [])];
  for (const file of needed) {
    if (!(await exists(join(path, file)))) return `${join(path, file)} does not exist`;
  }
  const command = program === undefined ? path : join(path, program);
  if (!(await isProgram(command))) return `${command} does not exist or may not be executed`;
  try {
    const said = await outputOf(command, args);
    if (expect.test(said)) return undefined;
    return `it is another version: ${command} ${args.join(' ')} says "${said.split('\n', 1)[0] ?? ''}"`;
  } catch (error: unknown) {
    return `it does not run: ${(error as Error).message}`;
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
