import type pg from 'pg';

import type { MonthDecision, PlannedMonth, RetentionRules } from './retention-plan.ts';
import { planMonth } from './retention-plan.ts';

/** A step of retention, by what it does with a month. */
export type MonthStep = 'freeze' | 'export' | 'verify' | 'seal' | 'detach' | 'drop' | 'reattach' | 'expire';

/**
 * The actions of the plan that lead to each step. Whoever calls a step that the plan of the moment does not have gets nothing:
 * Temporal decides when a step runs, the database whether.
 *
 * A hold that comes while a month is being exported stops the drop, and not the export, whose objects are then held.
 */
const LEADS_TO: Readonly<Record<MonthStep, readonly PlannedMonth['action'][]>> = {
  freeze: ['archive'],
  export: ['archive', 'held'],
  verify: ['archive', 'held'],
  seal: ['archive', 'held'],
  detach: ['detach', 'release'],
  drop: ['drop'],
  reattach: ['reattach'],
  expire: ['expire'],
};

/** The plan of this moment has something else for the month than the step that was called. */
export class StepNotDueError extends Error {
  readonly month: string;

  constructor(month: string, step: MonthStep, decision: MonthDecision | undefined) {
    const planned =
      decision === undefined
        ? 'the database has no such month'
        : `it is ${decision.state}, and the plan says ${decision.action} (${decision.reason})`;
    super(
      `cannot ${step} ${month.slice(0, 7)}: ${planned}; \`remediation-audit retention plan\` shows what is due`,
    );
    this.name = 'StepNotDueError';
    this.month = month;
  }
}

export interface DueTerms {
  readonly rules: RetentionRules;
  /** Instant. */
  readonly now: string;
}

/** What the plan says of the month. Throws a StepNotDueError unless that leads to the step. */
export async function requireDue(
  client: pg.ClientBase,
  month: string,
  step: MonthStep,
  terms: DueTerms,
): Promise<MonthDecision> {
  const decision = await planMonth(client, month, terms);
  if (decision === undefined || !isDue(step, decision)) throw new StepNotDueError(month, step, decision);
  return decision;
}

/** Whether the plan leads to the step. Of a month that is not being exported nothing can be exported. */
export function isDue(step: MonthStep, { action, state }: MonthDecision): boolean {
  if (!LEADS_TO[step].includes(action)) return false;
  const isOfExport = step === 'export' || step === 'verify' || step === 'seal';
  return !isOfExport || state === 'archiving';
}
