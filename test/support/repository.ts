import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

/** The path of a file or folder of this repository. */
export function repositoryPath(relativePath: string): string {
  return fileURLToPath(new URL(relativePath, ROOT));
}

/** The flags that Node runs the program with where it is installed or deployed. */
export function programFlags(): readonly string[] {
  const [first = ''] = readFileSync(repositoryPath('src/main.ts'), 'utf8').split('\n', 1);
  const [, flags] = /^#!\/usr\/bin\/env -S node (.+)$/.exec(first) ?? [];
  if (flags === undefined) throw new Error(`src/main.ts begins with no interpreter and its flags: ${first}`);
  return flags.split(' ');
}
