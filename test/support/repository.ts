import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

/** The path of a file or folder of this repository. */
export function repositoryPath(relativePath: string): string {
  return fileURLToPath(new URL(relativePath, ROOT));
}
