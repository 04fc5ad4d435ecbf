import { UsageError } from '../../src/config/settings.ts';
import { reasonOf } from '../../src/domain/errors.ts';
import type { Generation } from './generations.ts';
import { millisecondsOf } from './step.ts';
import type { Branch } from './stories.ts';
import { branchesOf } from './stories.ts';

/** Values of the flags that `simulate` and `up` share. */
export function readWhole(flag: string, text: string, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= most) return value;
  throw new UsageError(`${flag} must be a whole number from 1 to ${most}, not ${JSON.stringify(text)}`);
}

export function readSpan(flag: string, text: string): number {
  try {
    return millisecondsOf(text);
  } catch (error: unknown) {
    throw new UsageError(`${flag}: ${reasonOf(error)}`);
  }
}

export function readBranches(text: string, generation: Generation): readonly Branch[] {
  const known = branchesOf(generation);
  if (text === 'all') return known;
  return text.split(',').map((word) => {
    const branch = known.find((candidate) => candidate === word.trim());
    if (branch !== undefined) return branch;
    throw new UsageError(
      `--branches: ${generation} has no branch ${JSON.stringify(word)}; it has ${known.join(', ')}`,
    );
  });
}
