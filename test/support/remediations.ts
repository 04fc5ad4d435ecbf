import { randomUUID } from 'node:crypto';

import type { Observation } from '../../src/domain/observation.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { remediationWorkflowId } from '../../src/temporal/identifiers.ts';
import type { RemediationSignals } from '../../src/temporal/remediation-signals.ts';
import type { RemediationName } from '../../src/workflows/messages.ts';
import { executionObservation } from './observations.ts';

/** Columns of the remediation record, or whatever else a test wants an observation to say. */
type Columns = Observation['columns'];

/** A remediation that nobody has met yet, and its resources as a watcher would send them. */
export interface PlayedRemediation {
  readonly name: RemediationName;
  readonly workflowId: string;
  send(observation: Observation): Promise<void>;
  /** In one signal. */
  sendTogether(observations: readonly Observation[]): Promise<void>;
  /** A state of the remediation's own resource. */
  progress(version: number, phase: string, columns?: Columns): Observation;
  /** Its terminal state, or its deletion. */
  closure(version: number, columns?: Columns): Observation;
  /** A state of a WorkflowExecution. */
  execution(version: number, phase: string, resource?: string): Observation;
  /** A state of an AIAnalysis with the text of an investigation. */
  analysis(version: number, report: string): Observation;
  /** What the remediation's own resource knows of the analysis. */
  fragment(version: number, columns: Columns): Observation;
}

export const STARTED_AT = '2026-11-21T10:00:00.000000Z';
export const COMPLETED_AT = '2026-11-21T10:04:12.000000Z';
export const SUMMARY = 'payments/Deployment/api: HighErrorRate';
const TARGET = 'payments/Deployment/api';

export function playRemediation(
  signals: RemediationSignals,
  given: Partial<RemediationName> = {},
): PlayedRemediation {
  const name = { cluster: 'test', namespace: 'payments', name: 'rr-7', uid: randomUUID(), ...given };
  const about = { remediation_id: name.name, remediation_uid: name.uid, namespace: name.namespace };
  const of = (
    resource: { kind: string; name: string },
    parts: Pick<Observation, 'table' | 'key' | 'phase' | 'columns'>,
    version: number,
  ): Observation => ({
    ...executionObservation({ cluster: name.cluster, sourceVersion: String(version) }),
    ...parts,
    columns: { ...about, ...parts.columns },
    resource: { ...resource, namespace: name.namespace, uid: `${resource.name}-${name.uid}` },
  });
  const own = { kind: 'RemediationRequest', name: name.name };
  const ownRecord = (phase: 'progress' | 'closure', version: number, columns: Columns): Observation =>
    of(own, { table: 'remediation_audit', key: naturalKey(name.uid), phase, columns }, version);
  const analysis = { table: 'ai_analysis_audit', key: naturalKey(name.uid, 'ai-rr-7') } as const;
  const sendTogether = async (observations: readonly Observation[]): Promise<void> => {
    await signals.send({ remediation: name, observations, summary: SUMMARY, target: TARGET });
  };
  return {
    name,
    workflowId: remediationWorkflowId(name),
    send: (observation) => sendTogether([observation]),
    sendTogether,
    progress: (version, phase, columns = {}) =>
      ownRecord('progress', version, {
        overall_phase: phase,
        verdict: 'open',
        started_at: STARTED_AT,
        ...columns,
      }),
    closure: (version, columns = {}) =>
      ownRecord('closure', version, {
        overall_phase: 'Completed',
        outcome: 'Remediated',
        verdict: 'terminal',
        started_at: STARTED_AT,
        completed_at: COMPLETED_AT,
        ...columns,
      }),
    execution: (version, phase, resource = 'we-rr-7') =>
      of(
        { kind: 'WorkflowExecution', name: resource },
        {
          table: 'workflow_execution_audit',
          key: naturalKey(name.uid, resource),
          phase: 'execution',
          columns: { phase },
        },
        version,
      ),
    analysis: (version, report) =>
      of(
        { kind: 'AIAnalysis', name: 'ai-rr-7' },
        { ...analysis, phase: 'investigation', columns: { investigation_report: report } },
        version,
      ),
    fragment: (version, columns) => ({
      ...of(own, { ...analysis, phase: 'recommendation', columns }, version),
      fragment: true,
    }),
  };
}
