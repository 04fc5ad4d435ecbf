import type { ExpectedEnding } from './expected-ending.ts';
import type { Generation } from './generations.ts';
import type { Step } from './step.ts';

/** One way a remediation can go: what is written, in order, and how it ends. */
export interface Story {
  /** One line for people. */
  readonly summary: string;
  readonly generations: readonly Generation[];
  readonly steps: readonly Step[];
  readonly ending: ExpectedEnding;
}

export const SINCE_G1: readonly Generation[] = ['G3', 'G2', 'G1'];
export const SINCE_G3: readonly Generation[] = ['G3'];
export const SINCE_G2: readonly Generation[] = ['G3', 'G2'];
export const ONLY_G1: readonly Generation[] = ['G1'];
export const ONLY_G0: readonly Generation[] = ['G0'];
