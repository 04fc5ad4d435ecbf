import type { JsonObject, JsonValue } from '../domain/json.ts';
import { canonicalJson, isJsonObject } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { naturalKey } from '../domain/observation.ts';
import { kubernetesExecutionAudit } from '../domain/records/kubernetes-execution-audit.ts';
import type { ColumnSource } from './column-source.ts';
import { DELETED_AT, inAll } from './column-source.ts';
import type { LeftOut } from './kind.ts';
import { CHURN, pathsLeftOut } from './kind.ts';
import type {
  ReadingContext,
  RemediationReference,
  ResourceReading,
  Unread,
} from './observed-remediation.ts';
import { nameOfRemediation, ownerOf, remediationOf } from './observed-remediation.ts';
import { definePhase, readPhase, subjectOf, understoodBy } from './read-kind.ts';
import type { ShapeMarks, Target } from './resource.ts';
import { at, durationOf, shapeOf, textAt } from './resource.ts';

/** As the rules of redaction write it. */
const HIDDEN = '[REDACTED:kubernetes-secret]';

const BOTH = ['G0', 'G0a'] as const;
const RESULTS = 'status.executionResults';

/** As source 001 reads it: this struct never had a Go type. */
const DOCUMENTED_RESULT = 'status.result';

/** What only the documented object has, before the coded one: `spec.action` is a struct in the first and a word in the second. */
const MARKS: ShapeMarks = [
  ['G0a', 'spec.stepIndex', 'spec.action.type', 'spec.action.target', DOCUMENTED_RESULT, 'status.retryCount'],
  ['G0', 'metadata'],
];

/** Under which name the documented target has each part. */
const DOCUMENTED_TARGET = {
  namespace: 'namespace',
  kind: 'resourceKind',
  name: 'resourceName',
} as const satisfies Record<keyof Target, string>;

const START = { G0: `${RESULTS}.startTime`, G0a: `${DOCUMENTED_RESULT}.startTime` };
const END = { G0: `${RESULTS}.endTime`, G0a: `${DOCUMENTED_RESULT}.endTime` };

/**
 * One step of a step-level workflow. Only G0 has this kind, as it was coded (G0) and as it was documented (G0a); later the
 * job behind a workflow takes its place in the same table (`ACTION_OF_WORKFLOW`).
 */
export const ACTION = definePhase({
  definition: kubernetesExecutionAudit,
  phase: 'action',
  columns: {
    execution_id: { paths: inAll(BOTH, 'metadata.name') },
    workflow_ref: { paths: inAll(BOTH, 'spec.workflowExecutionRef.name') },
    // Counts from 1 in the coded object.
    step_index: { paths: { G0: 'spec.stepNumber', G0a: 'spec.stepIndex' } },
    action_type: {
      paths: { G0a: 'spec.action.type', G0: 'spec.action' },
      // A struct without a type is none: its other members are read by themselves.
      derive: (found) => (typeof found === 'string' ? found : undefined),
    },
    action_parameters: {
      paths: { G0: 'spec.parameters', G0a: 'spec.action.parameters' },
      derive: parametersOf,
      how: 'without the data of a secret: its keys only',
    },
    target_namespace: targetPart('namespace'),
    target_resource_kind: targetPart('kind'),
    target_resource_name: targetPart('name'),
    success: {
      paths: { G0: `${RESULTS}.success`, G0a: `${DOCUMENTED_RESULT}.success` },
      derive: successOf,
      how: 'once the phase is completed or failed',
    },
    output: { paths: { G0: `${RESULTS}.podLogs`, G0a: `${DOCUMENTED_RESULT}.output` } },
    error: { paths: { G0: `${RESULTS}.errorMessage`, G0a: `${DOCUMENTED_RESULT}.error` } },
    start_time: { paths: START },
    end_time: { paths: END },
    duration: {
      paths: { G0: `${RESULTS}.duration`, G0a: `${DOCUMENTED_RESULT}.duration` },
      derive: durationOfAction,
      how: 'end minus start, else what is named here',
    },
    job_name: { paths: { G0: [`${RESULTS}.jobName`, 'status.jobName'] } },
    retry_count: { paths: { G0: `${RESULTS}.retriesAttempted`, G0a: 'status.retryCount' } },
    max_retries: { paths: inAll(BOTH, 'spec.maxRetries') },
    // The same as end_time: the resource has no other end.
    completed_at: { paths: END },
    phase: { paths: inAll(BOTH, 'status.phase') },
    deleted_at: DELETED_AT,
  },
  extra: {
    resources_affected: { G0: `${RESULTS}.resourcesAffected` },
    validation_results: { G0: 'status.validationResults' },
    rollback_available: { G0: 'status.rollbackInformation.available' },
    rollback_action: { G0: 'status.rollbackInformation.rollbackAction' },
    timeout: { G0: 'spec.timeout' },
    target_cluster: { G0: 'spec.targetCluster' },
    approval_received: { G0: 'spec.approvalReceived' },
  },
});

/** Of the information for a rollback only two members are recorded: whether there is one, and by which action. */
export const KUBERNETES_EXECUTION_LEFT_OUT: LeftOut = {
  'whose it is stands in columns that every record has': [
    'spec.remediationRequestRef',
    'spec.workflowExecutionRef',
  ],
  ...CHURN,
  'a copy of what the target was before, with whatever secrets it holds': ['status.rollbackInformation'],
};

const LEFT_OUT = pathsLeftOut(KUBERNETES_EXECUTION_LEFT_OUT);
const UNDERSTOOD = understoodBy([ACTION], LEFT_OUT);
/** Where the action is a struct, each of its members is understood by itself. */
const UNDERSTOOD_AS_DOCUMENTED = understoodBy([ACTION], LEFT_OUT, ['spec.action']);

/** Which member of its parameters names what an action acts upon. */
const TARGET_MEMBERS: readonly (readonly [member: string, kind: string])[] = [
  ['deployment', 'Deployment'],
  ['pod', 'Pod'],
  ['node', 'Node'],
  ['configMap', 'ConfigMap'],
  ['secret', 'Secret'],
];

/**
 * An action names the workflow execution that it is a step of, and not the remediation. Owned by a remediation, it is
 * recorded as that one's. Otherwise its remediation stays unknown: its record has none, and it is handled in the name of
 * its workflow execution, or in its own.
 */
export function readKubernetesExecution(
  resource: JsonObject,
  context: ReadingContext,
): ResourceReading | Unread {
  const namespace = textAt(resource, 'metadata.namespace') ?? '';
  const known = remediationOf(resource, namespace, context);
  const shape = shapeOf(resource, MARKS);
  const remediation = known ?? remediationFallback(resource, namespace);
  const subject = subjectOf(resource, { shape, remediation, context });
  if ('unread' in subject) return subject;
  const isDocumented = isJsonObject(at(resource, 'spec.action'));
  const { observation, unrecognised, misshapen } = readPhase(ACTION, subject, {
    key: naturalKey(subject.remediation.uid, subject.identity.name),
    known: isDocumented ? UNDERSTOOD_AS_DOCUMENTED : UNDERSTOOD,
  });
  const target = targetOf(resource);
  const action = textAt(resource, 'spec.action.type', 'spec.action') ?? 'action';
  const parts = target === undefined ? undefined : [target.namespace, target.kind, target.name];
  const text = parts?.filter((part) => part !== undefined).join('/');
  return {
    remediation: subject.remediation,
    observations: [known === undefined ? withoutRemediation(observation) : observation],
    target: text,
    summary: `${text ?? 'unknown target'}: ${action}`,
    shape,
    unrecognised,
    misshapen,
  };
}

/**
 * In whose name an action that names no remediation is handled: its workflow execution by a uid, else itself. One that
 * names its remediation waits until that was seen: under two names it would be two records.
 */
function remediationFallback(resource: JsonObject, namespace: string): RemediationReference | undefined {
  if (nameOfRemediation(resource) !== undefined) return undefined;
  const owner = ownerOf(resource, 'WorkflowExecution');
  const reference = 'spec.workflowExecutionRef';
  const name = textAt(resource, `${reference}.name`) ?? textAt(owner, 'name');
  const uid = textAt(resource, `${reference}.uid`) ?? textAt(owner, 'uid');
  if (name !== undefined && uid !== undefined) return { namespace, name, uid };
  const [ownName, ownUid] = [textAt(resource, 'metadata.name'), textAt(resource, 'metadata.uid')];
  return ownName === undefined || ownUid === undefined
    ? undefined
    : { namespace, name: ownName, uid: ownUid };
}

/** The fallback is an address for delivery. Stored as the remediation it would be a false statement. */
function withoutRemediation(observation: Observation): Observation {
  const unknown = new Set(['remediation_id', 'remediation_uid']);
  const columns = Object.entries(observation.columns).filter(([name]) => !unknown.has(name));
  return { ...observation, columns: Object.fromEntries(columns) };
}

/** What a secret was set to is no business of an audit, and nothing in the value shows a redactor that it is one. */
function parametersOf(found: JsonValue | undefined, resource: JsonObject): string | undefined {
  if (found === undefined) return undefined;
  // The documented object names the action beside its parameters, the coded one by the only member of them.
  const isOfSecret = /secret/i.test(textAt(resource, 'spec.action.type') ?? '');
  if (isOfSecret) return canonicalJson(isJsonObject(found) ? withoutData(found) : HIDDEN);
  const secret = isJsonObject(found) ? found['updateSecret'] : undefined;
  if (!isJsonObject(found) || !isJsonObject(secret)) return canonicalJson(found);
  return canonicalJson({ ...found, updateSecret: withoutData(secret) });
}

/** The members in which the values of a secret stand keep their keys. */
function withoutData(secret: JsonObject): JsonObject {
  const hidden = ['data', 'stringData'].flatMap((member): [string, JsonValue][] => {
    const data = secret[member];
    if (data === undefined) return [];
    const keys = isJsonObject(data) ? Object.keys(data) : undefined;
    return [[member, keys === undefined ? HIDDEN : Object.fromEntries(keys.map((key) => [key, HIDDEN]))]];
  });
  return { ...secret, ...Object.fromEntries(hidden) };
}

function targetPart(part: keyof Target): ColumnSource {
  return {
    paths: { G0: 'spec.parameters', G0a: `spec.action.target.${DOCUMENTED_TARGET[part]}` },
    derive: (_found, resource) => targetOf(resource)?.[part],
    how: `in G0 the ${part} that the parameters of the action name`,
  };
}

/** What is acted upon: named in the documented object, else among the parameters. */
function targetOf(resource: JsonObject): Partial<Target> | undefined {
  const target = at(resource, 'spec.action.target');
  const parts: [string, string][] = [];
  for (const [part, member] of Object.entries(DOCUMENTED_TARGET)) {
    const text = textAt(target, member);
    if (text !== undefined) parts.push([part, text]);
  }
  return parts.length > 0 ? Object.fromEntries(parts) : targetOfParameters(resource);
}

/** Parameters are a union: one member, by the action. A manifest may hold anything, so it names no target. */
function targetOfParameters(resource: JsonObject): Target | undefined {
  const parameters = resource['spec'];
  const union = isJsonObject(parameters) ? parameters['parameters'] : undefined;
  if (!isJsonObject(union)) return undefined;
  for (const given of Object.values(union)) {
    for (const [member, kind] of TARGET_MEMBERS) {
      const name = textAt(given, member);
      const namespace = textAt(given, 'namespace');
      if (name !== undefined) return namespace === undefined ? { kind, name } : { namespace, kind, name };
    }
  }
  return undefined;
}

/** `success` is false in Go until somebody sets it. */
function successOf(found: JsonValue | undefined, resource: JsonObject): boolean | undefined {
  const phase = textAt(resource, 'status.phase')?.toLowerCase();
  return typeof found === 'boolean' && (phase === 'completed' || phase === 'failed') ? found : undefined;
}

/** Of whichever of the two results the resource has. */
function durationOfAction(named: JsonValue | undefined, resource: JsonObject): string | undefined {
  const results = [RESULTS, DOCUMENTED_RESULT];
  const timed = results.find((result) => at(resource, `${result}.endTime`) !== undefined) ?? RESULTS;
  return durationOf(named, resource, [`${timed}.startTime`, `${timed}.endTime`]);
}
