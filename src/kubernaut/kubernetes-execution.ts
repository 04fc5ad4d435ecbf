import type { JsonObject, JsonValue } from '../domain/json.ts';
import { canonicalJson, isJsonObject } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { naturalKey } from '../domain/observation.ts';
import { kubernetesExecutionAudit } from '../domain/records/kubernetes-execution-audit.ts';
import type { ColumnSource } from './column-source.ts';
import type { LeftOut } from './kind.ts';
import { CHURN, pathsLeftOut } from './kind.ts';
import type {
  ReadingContext,
  RemediationReference,
  ResourceReading,
  Unread,
} from './observed-remediation.ts';
import { ownerOf, remediationOf } from './observed-remediation.ts';
import { definePhase, readPhase, subjectOf, understoodBy } from './read-kind.ts';
import type { Target } from './resource.ts';
import { durationOf, textAt } from './resource.ts';

/** As the rules of redaction write it. */
const HIDDEN = '[REDACTED:kubernetes-secret]';

const RESULTS = 'status.executionResults';

/**
 * One step of a step-level workflow. Only G0 has this kind; later the job behind a workflow takes its place
 * in the same table (`ACTION_OF_WORKFLOW`).
 */
export const ACTION = definePhase({
  definition: kubernetesExecutionAudit,
  phase: 'action',
  columns: {
    execution_id: { paths: { G0: 'metadata.name' } },
    workflow_ref: { paths: { G0: 'spec.workflowExecutionRef.name' } },
    // Counts from 1.
    step_index: { paths: { G0: 'spec.stepNumber' } },
    action_type: { paths: { G0: 'spec.action' } },
    action_parameters: {
      paths: { G0: 'spec.parameters' },
      derive: parametersOf,
      how: 'without the data of a secret: its keys only',
    },
    target_namespace: targetPart('namespace'),
    target_resource_kind: targetPart('kind'),
    target_resource_name: targetPart('name'),
    success: {
      paths: { G0: `${RESULTS}.success` },
      derive: successOf,
      how: 'once the phase is completed or failed',
    },
    output: { paths: { G0: `${RESULTS}.podLogs` } },
    error: { paths: { G0: `${RESULTS}.errorMessage` } },
    start_time: { paths: { G0: `${RESULTS}.startTime` } },
    end_time: { paths: { G0: `${RESULTS}.endTime` } },
    duration: {
      paths: { G0: `${RESULTS}.duration` },
      derive: (named, resource) =>
        durationOf(named, resource, [`${RESULTS}.startTime`, `${RESULTS}.endTime`]),
      how: 'end minus start, else what is named here',
    },
    job_name: { paths: { G0: [`${RESULTS}.jobName`, 'status.jobName'] } },
    retry_count: { paths: { G0: `${RESULTS}.retriesAttempted` } },
    max_retries: { paths: { G0: 'spec.maxRetries' } },
    // The same as end_time: the resource has no other end.
    completed_at: { paths: { G0: `${RESULTS}.endTime` } },
    phase: { paths: { G0: 'status.phase' } },
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

const UNDERSTOOD = understoodBy([ACTION], pathsLeftOut(KUBERNETES_EXECUTION_LEFT_OUT));

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
  const known = remediationOf(resource, namespace);
  const subject = subjectOf(resource, {
    shape: 'G0',
    remediation: known ?? remediationFallback(resource, namespace),
    context,
  });
  if ('unread' in subject) return subject;
  const { remediation, identity } = subject;
  const { observation, unrecognised, misshapen } = readPhase(ACTION, subject, {
    key: naturalKey(remediation.uid, identity.name),
    known: UNDERSTOOD,
  });
  const target = targetOf(resource);
  const action = textAt(resource, 'spec.action') ?? 'action';
  const parts = target === undefined ? undefined : [target.namespace, target.kind, target.name];
  const text = parts?.filter((part) => part !== undefined).join('/');
  return {
    remediation,
    observations: [known === undefined ? withoutRemediation(observation) : observation],
    target: text,
    summary: `${text ?? 'unknown target'}: ${action}`,
    shape: 'G0',
    unrecognised,
    misshapen,
  };
}

/** In whose name an action without a known remediation is handled: its workflow execution by a uid, else itself. */
function remediationFallback(resource: JsonObject, namespace: string): RemediationReference | undefined {
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
function parametersOf(found: JsonValue | undefined): string | undefined {
  if (!isJsonObject(found)) return undefined;
  const secret = found['updateSecret'];
  if (!isJsonObject(secret)) return canonicalJson(found);
  const keys = Object.keys(isJsonObject(secret['data']) ? secret['data'] : {});
  const data = Object.fromEntries(keys.map((key) => [key, HIDDEN]));
  return canonicalJson({ ...found, updateSecret: { ...secret, data } });
}

function targetPart(part: keyof Target): ColumnSource {
  return {
    paths: { G0: 'spec.parameters' },
    derive: (_found, resource) => targetOf(resource)?.[part],
    how: `the ${part} that the parameters of the action name`,
  };
}

/** Parameters are a union: one member, by the action. A manifest may hold anything, so it names no target. */
function targetOf(resource: JsonObject): Target | undefined {
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
