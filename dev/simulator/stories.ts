import type { Generation } from './generations.ts';
import { APPROVAL_STORIES } from './stories/approval-stories.ts';
import { BLOCKED_STORIES } from './stories/blocked-stories.ts';
import { CUT_SHORT_STORIES } from './stories/cut-short-stories.ts';
import { PLAIN_STORIES } from './stories/plain-stories.ts';
import { SKIPPED_STORIES } from './stories/skipped-stories.ts';
import { STEP_STORIES } from './stories/step-stories.ts';
import type { Story } from './story.ts';

/** Every story. A reader who wants to know how a remediation goes begins here; what they are made of is in scenes/. */
const STORIES = {
  ...PLAIN_STORIES,
  ...APPROVAL_STORIES,
  ...BLOCKED_STORIES,
  ...CUT_SHORT_STORIES,
  ...SKIPPED_STORIES,
  ...STEP_STORIES,
} as const;

/** The ways a remediation can go. */
export type Branch = keyof typeof STORIES;
export const BRANCHES = Object.keys(STORIES) as readonly Branch[];

/** The branches that a generation knows. */
export const branchesOf = (generation: Generation): readonly Branch[] =>
  BRANCHES.filter((branch) => storyOf(branch).generations.includes(generation));

export const storyOf = (branch: Branch): Story => STORIES[branch];

/** What a newcomer sees: every branch, and more often what a cluster in good order shows. */
export const DEMONSTRATION: readonly Branch[] = [
  // Nobody who looks around for the first time wants to see a status flap for hours.
  ...branchesOf('G3').filter((branch) => branch !== 'notification-flapping'),
  ...Array<Branch>(6).fill('remediated'),
  ...Array<Branch>(2).fill('execution-failed'),
  ...Array<Branch>(2).fill('approval-granted'),
];
