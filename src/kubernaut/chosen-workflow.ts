import type { JsonObject } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { targetTextAt, textAt } from './resource.ts';

/*
 * What an analysis chose, for records that are about something else. kubernaut writes the workflow into the remediation when it
 * executes it: a remediation that is blocked before names neither the workflow nor what it was to act upon, and until G2
 * no execution names the type of its action. Only the analysis has both, so the watcher remembers them as long as it
 * sees the analysis.
 */

/** What an analysis chose, as far as it says. */
export interface WorkflowChoice {
  readonly workflowId?: string | undefined;
  readonly workflowName?: string | undefined;
  readonly version?: string | undefined;
  /** With its digest. */
  readonly bundle?: string | undefined;
  readonly actionType?: string | undefined;
  /** `namespace/Kind/name` */
  readonly target?: string | undefined;
}

const SELECTED = ['status.rcaResult.selectedWorkflow', 'status.selectedWorkflow'];
const TARGETS = [
  'status.rcaResult.rootCauseAnalysis.remediationTarget',
  'status.rootCauseAnalysis.remediationTarget',
];

/** Undefined as long as the analysis has chosen nothing. */
export function choiceOf(analysis: JsonObject): WorkflowChoice | undefined {
  const selected = (...members: readonly string[]): string | undefined =>
    textAt(analysis, ...SELECTED.flatMap((path) => members.map((member) => `${path}.${member}`)));
  const workflowId = selected('workflowId');
  if (workflowId === undefined) return undefined;
  return {
    workflowId,
    workflowName: selected('workflowName'),
    version: selected('version'),
    bundle: withDigest(
      selected('executionBundle', 'containerImage'),
      selected('executionBundleDigest', 'containerDigest'),
    ),
    actionType: selected('actionType'),
    target: TARGETS.map((path) => targetTextAt(analysis, path)).find((target) => target !== undefined),
  };
}

/** A bundle that already has a digest in its text keeps that one. */
export function withDigest(bundle: string | undefined, digest: string | undefined): string | undefined {
  if (bundle === undefined || digest === undefined || bundle.includes('@')) return bundle;
  return `${bundle}@${digest}`;
}

/** Columns of a block with what the remediation does not say itself. */
export function withChoice(
  observation: Observation,
  choice: WorkflowChoice | undefined,
  isTargetKnown: boolean,
): Observation {
  if (choice === undefined) return observation;
  const chosen = {
    workflow_id: choice.workflowId,
    workflow_name: choice.workflowName,
    workflow_version: choice.version,
    container_image: choice.bundle,
  };
  const known = Object.entries(chosen).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  const target = isTargetKnown || choice.target === undefined ? {} : { target_resource: choice.target };
  return {
    ...observation,
    columns: { ...(Object.fromEntries(known) as Observation['columns']), ...observation.columns, ...target },
  };
}
