import { FAILED, REMEDIATED, ROWS } from '../expected-ending.ts';
import { retained } from '../scenes/endings.ts';
import { received } from '../scenes/signal.ts';
import { analysedInG0, executedInSteps, processedInG0, stepFailed } from '../scenes/step-by-step.ts';
import type { Story } from '../story.ts';
import { ONLY_G0 } from '../story.ts';

const begun = [...received, ...processedInG0, ...analysedInG0];
const processed = { RP: 'completed', AIA: 'Completed' } as const;

/**
 * Remediations of G0, whose workflows were carried out step by step. Their actions name the workflow execution and no
 * remediation: in the table of actions they are rows without one.
 */
export const STEP_STORIES = {
  'remediated-in-steps': {
    summary: 'two steps of a workflow, each an action of its own; the second is repeated once',
    generations: ONLY_G0,
    steps: [
      ...begun,
      ...executedInSteps,
      {
        after: '2s..10s',
        update: 'RR',
        status: {
          overallPhase: 'Completed',
          message: 'Remediation completed',
          completedAt: '@now',
          completionStatus: { outcome: 'Remediated' },
        },
      },
      ...retained,
    ],
    ending: {
      ...REMEDIATED,
      parts: { ...processed, WFE: 'completed', 'KE/1': 'completed', 'KE/2': 'completed' },
      rows: ROWS.HANDED_OVER,
    },
  },
  'step-failed': {
    summary: 'the second step fails after three attempts, and the first is rolled back',
    generations: ONLY_G0,
    steps: [...begun, ...stepFailed, ...retained],
    ending: {
      ...FAILED,
      failurePhase: 'WorkflowExecution',
      parts: { ...processed, WFE: 'failed', 'KE/1': 'completed', 'KE/2': 'failed' },
      rows: ROWS.HANDED_OVER,
    },
  },
} as const satisfies Readonly<Record<string, Story>>;
