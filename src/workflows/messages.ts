import { defineSignal } from '@temporalio/workflow';

import type { InvestigationReference } from '../activities/types.ts';
import type { Observation } from '../domain/observation.ts';

/** Input of `remediationAudit`. Only a run that continues another one carries anything but the grace. */
export interface RemediationAuditInput {
  /** How long to wait for late observations once the remediation is over, for example `60s`. */
  readonly lateGrace: `${number}s`;
  /** Observations the run before did not store. */
  readonly backlog?: readonly Observation[];
  /** Investigations the run before did not see placed. */
  readonly unplaced?: readonly InvestigationReference[];
  /** The run before knew that the remediation is over. */
  readonly over?: boolean;
}

/** The name is stored in histories for ever. */
export const REMEDIATION_AUDIT = 'remediationAudit';

/** One state of one resource was observed. */
export const phaseObserved = defineSignal<[Observation]>('phaseObserved');
