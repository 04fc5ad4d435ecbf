import type { Branch } from './stories.ts';
import { branchesOf } from './stories.ts';

/** What a newcomer sees: every branch, and more often what a cluster in good order shows. */
export const DEMONSTRATION: readonly Branch[] = [
  // Nobody who looks around for the first time wants to see a status flap for hours.
  ...branchesOf('G3').filter((branch) => branch !== 'notification-flapping'),
  ...Array<Branch>(6).fill('remediated'),
  ...Array<Branch>(2).fill('execution-failed'),
  ...Array<Branch>(2).fill('approval-granted'),
];
