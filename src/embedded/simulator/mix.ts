import type { Branch } from './stories.ts';
import { branchesOf } from './stories.ts';

/** What a newcomer sees: every branch, and more often what a cluster in good order shows. */
export const DEMONSTRATION: readonly Branch[] = [
  ...branchesOf('G3'),
  ...Array<Branch>(6).fill('remediated'),
  ...Array<Branch>(2).fill('execution-failed'),
  ...Array<Branch>(2).fill('approval-granted'),
];
