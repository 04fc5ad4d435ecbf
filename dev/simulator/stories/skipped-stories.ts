import { AIA_DONE, ROWS, TERMINAL } from '../expected-ending.ts';
import { analysed } from '../scenes/analysis.ts';
import { retained } from '../scenes/endings.ts';
import { skipped } from '../scenes/execution.ts';
import { beginning } from '../scenes/signal.ts';
import type { Story } from '../story.ts';
import { ONLY_G1 } from '../story.ts';

/** Executions that skip themselves, as they did until December 2025. */
export const SKIPPED_STORIES = {
  'skipped-resource-busy': {
    summary: 'the execution skips itself: another works on the target',
    generations: ONLY_G1,
    steps: [
      ...beginning,
      ...analysed,
      ...skipped(
        {
          reason: 'ResourceBusy',
          message: '{otherExecution} works on {targetText}',
          conflictingWorkflow: {
            name: '@otherExecution',
            workflowId: '@workflowId',
            startedAt: '@now-40s',
            targetResource: '@targetText',
          },
        },
        { skipReason: 'ResourceBusy', duplicateOf: '@otherRemediation' },
      ),
      ...retained,
    ],
    ending: {
      ...TERMINAL,
      overallPhase: 'Skipped',
      parts: { ...AIA_DONE, WFE: 'Skipped' },
      rows: ROWS.HANDED_OVER,
    },
  },
  'skipped-recently-remediated': {
    summary: 'the execution skips itself: the same workflow ran a minute ago',
    generations: ONLY_G1,
    steps: [
      ...beginning,
      ...analysed,
      ...skipped(
        {
          reason: 'RecentlyRemediated',
          message: '{otherExecution} ran the same workflow 1m ago',
          recentRemediation: {
            name: '@otherExecution',
            workflowId: '@workflowId',
            completedAt: '@now-60s',
            outcome: 'Completed',
            targetResource: '@targetText',
            cooldownRemaining: '4m0s',
          },
        },
        { skipReason: 'RecentlyRemediated', duplicateOf: '@otherRemediation' },
      ),
      ...retained,
    ],
    ending: {
      ...TERMINAL,
      overallPhase: 'Skipped',
      parts: { ...AIA_DONE, WFE: 'Skipped' },
      rows: ROWS.HANDED_OVER,
    },
  },
} as const satisfies Readonly<Record<string, Story>>;
