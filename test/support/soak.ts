import { globSync, readFileSync } from 'node:fs';

/*
 * One rule for what takes long: `npm test` runs a fixed share that holds each property, `npm run test:soak` (SOAK=1) all of
 * it. A file that imports this one, or is called `….soak.test.ts`, belongs to the soak; the latter runs there alone.
 */
export const IS_SOAK = process.env['SOAK'] === '1';

/** How many, or how long. The environment variable, where there is one, has the last word. */
export function sizeOf(variable: string, { usual, soak }: { usual: number; soak: number }): number {
  return Number(process.env[variable] ?? (IS_SOAK ? soak : usual));
}

/** So many of the cases, as `shareOf` chooses them; in the soak all of them. */
export function someOf<T>(cases: readonly T[], count: number): readonly T[] {
  return IS_SOAK ? cases : shareOf(cases, count);
}

/** Always the same ones, evenly over the list: the first of them, and the last where there is more than one. */
export function shareOf<T>(cases: readonly T[], count: number): readonly T[] {
  const step = (cases.length - 1) / Math.max(1, count - 1);
  const chosen = new Set(Array.from({ length: count }, (_, index) => Math.round(index * step)));
  return cases.filter((_, index) => chosen.has(index));
}

/** Of the files of a project, those with something that only the soak runs. */
export function filesOfSoak(patterns: readonly string[]): string[] {
  const belongs = (path: string): boolean =>
    path.endsWith('.soak.test.ts') || readFileSync(path, 'utf8').includes("from '../support/soak.ts'");
  return globSync([...patterns]).filter(belongs);
}
