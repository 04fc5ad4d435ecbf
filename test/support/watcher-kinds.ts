import type { JsonObject } from '../../src/domain/json.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import type { GoneResource } from '../../src/kubernaut/kind.ts';
import type { ReadingContext, ResourceReading } from '../../src/kubernaut/observed-remediation.ts';
import { sourceVersion } from '../../src/kubernaut/observed-remediation.ts';
import { textAt } from '../../src/kubernaut/resource.ts';
import type { WatchedKind } from '../../src/watcher/watched-kind.ts';

const TERMINAL = ['completed', 'failed'];

/**
 * A remediation as plain as it gets: a phase, perhaps a block, a verdict at its end. What the watcher guarantees does
 * not depend on what the adapters read, so its tests bring one that is easily judged.
 */
export const PLAIN_REMEDIATION: WatchedKind = {
  kind: 'RemediationRequest',
  plural: 'remediationrequests',
  served: [{ group: 'kubernaut.ai', version: 'v1alpha1' }],
  terminalPhases: TERMINAL,
  read: readRemediation,
  readDeletion,
};

function readRemediation(resource: JsonObject, context: ReadingContext): ResourceReading {
  const phase = textAt(resource, 'status.overallPhase') ?? 'Pending';
  const block = textAt(resource, 'status.blockReason');
  const expiry = textAt(resource, 'status.retentionExpiryTime');
  const isTerminal = TERMINAL.includes(phase.toLowerCase());
  const base = {
    uid: textAt(resource, 'metadata.uid') ?? '',
    name: textAt(resource, 'metadata.name') ?? '',
    namespace: textAt(resource, 'metadata.namespace') ?? '',
    version: sourceVersion(context, textAt(resource, 'metadata.resourceVersion') ?? '') ?? '0',
    context,
  };
  const observations = [
    observationOf(base, 'progress', naturalKey(base.uid), {
      overall_phase: phase,
      ...(expiry === undefined ? {} : { retention_expires_at: expiry }),
    }),
    ...(block === undefined
      ? []
      : [observationOf(base, 'skip', naturalKey(base.uid, 'skip', block), { skip_reason: block })]),
    ...(isTerminal ? [observationOf(base, 'closure', naturalKey(base.uid), { verdict: 'terminal' })] : []),
  ];
  return readingOf(base, observations);
}

function readDeletion(gone: GoneResource, context: ReadingContext): ResourceReading {
  const { uid, name, namespace, sourceVersion: version, deletedAt, phase = 'Pending', lastState } = gone;
  const base = { uid, name, namespace, version, context };
  const isTerminal = TERMINAL.includes(phase.toLowerCase());
  const closure = observationOf(base, 'closure', naturalKey(uid), {
    verdict: isTerminal ? 'terminal' : 'deleted-before-terminal',
    final_state_unknown: lastState === undefined && !isTerminal,
  });
  const resource = { kind: 'RemediationRequest', namespace, name, uid, deletedAt };
  return readingOf(base, [{ ...closure, resource }]);
}

interface Base {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  readonly context: ReadingContext;
}

function readingOf({ uid, name, namespace }: Base, observations: readonly Observation[]): ResourceReading {
  return {
    remediation: { uid, name, namespace },
    observations,
    summary: name,
    target: undefined,
    shape: 'G3',
    unrecognised: [],
    misshapen: [],
  };
}

function observationOf(
  { version, context }: Base,
  phase: Observation['phase'],
  key: string,
  columns: Observation['columns'],
): Observation {
  return {
    table: phase === 'skip' ? 'workflow_execution_audit' : 'remediation_audit',
    cluster: context.cluster,
    key,
    phase,
    sourceVersion: version,
    createdAt: '2026-11-21T10:00:00.000000Z',
    createdAtSource: 'resource',
    observedAt: context.observedAt,
    actor: 'watcher',
    columns,
  };
}
