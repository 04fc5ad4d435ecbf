import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import type { Scenario } from './catalogue.ts';
import type { RemediationPlan } from './plan.ts';
import { sha256, targetText, uuidOf } from './plan.ts';
import type { Fact, Situation } from './situation.ts';
import { timeText } from './situation.ts';

/** How much a team cares, by the severity of its signal. */
const BUSINESS = {
  critical: {
    environment: 'Production',
    priority: 'P0',
    criticality: 'Critical',
    sla: 'Platinum',
    score: 95,
  },
  high: { environment: 'Production', priority: 'P1', criticality: 'High', sla: 'Gold', score: 80 },
  warning: { environment: 'Staging', priority: 'P2', criticality: 'Medium', sla: 'Silver', score: 55 },
} as const;

const JOB_NAME_DIGITS = 12;
const CLUSTER_WIDE = 'kube-system';

/** Of the plan alone. */
const ofPlan =
  (compute: (plan: RemediationPlan) => JsonValue): Fact =>
  ({ plan }) =>
    compute(plan);

/** Of what happened, and to what. */
const ofScenario = (compute: (scenario: Scenario) => JsonValue): Fact =>
  ofPlan(({ scenario }) => compute(scenario));

/** Of the workflow that will run: the proposed one, unless a person chose another. */
const ofExecuted =
  (compute: (scenario: Scenario, plan: RemediationPlan) => JsonValue): Fact =>
  ({ plan, parts }: Situation) => {
    const isOverridden = parts.get('RAR')?.status?.['workflowOverride'] !== undefined;
    return compute(isOverridden ? plan.overriding : plan.scenario, plan);
  };

export const SCENARIO_FACTS: Readonly<Record<string, Fact>> = {
  name: ofPlan(({ name }) => name),
  fingerprint: ofPlan(({ fingerprint }) => fingerprint),
  confidence: ofPlan(({ confidence }) => confidence),
  otherRemediation: ofPlan(({ other }) => other),
  otherExecution: ofPlan(({ other }) => `we-${other}`),
  sessionId: ({ plan: { name } }, which) =>
    uuidOf(which === '' ? `session ${name}` : `session ${name} ${which}`),
  investigationId: ofPlan(({ name }) => `inv-${sha256(name).slice(0, JOB_NAME_DIGITS)}`),
  jobName: ofPlan(({ name }) => `wfe-${sha256(name).slice(0, JOB_NAME_DIGITS)}`),
  clusterId: () => 'production-eu-1',
  policyHash: () => sha256('policy bundle 2026-02'),

  signalName: ofScenario(({ signalName }) => signalName),
  severity: ofScenario(({ severity }) => severity),
  summary: ofScenario(({ summary }) => summary),
  target: ofScenario(({ target }) => ({ ...target })),
  targetText: ofScenario(targetText),
  documentedTarget: ofScenario(documentedTarget),
  signalLabels: ofScenario(signalLabels),
  signalAnnotations: ofScenario(signalAnnotations),
  providerData: ofScenario(() => JSON.stringify({ prometheus: 'monitoring/main' })),
  originalPayload: ofScenario(originalPayload),
  kubernetesContext: ofScenario(kubernetesContext),
  environment: ofScenario(({ severity }) => BUSINESS[severity].environment),
  priority: ofScenario(({ severity }) => BUSINESS[severity].priority),
  priorityScore: ofScenario(({ severity }) => BUSINESS[severity].score),
  criticality: ofScenario(({ severity }) => BUSINESS[severity].criticality),
  slaRequirement: ofScenario(({ severity }) => BUSINESS[severity].sla),
  businessUnit: ofScenario(({ target }) => target.namespace ?? 'platform'),
  serviceOwner: ofScenario(({ target }) => `team-${target.namespace ?? 'platform'}`),
  rootCause: ofScenario(({ rationale }) => rationale),
  rootCauseAnalysis: ofScenario(rootCauseAnalysis),
  investigationReport: ofScenario(investigationReport),
  sessionResult: ({ plan }, proposal) => sessionResult(plan, proposal),
  // Of a Node nothing says whether it is healthy: that is assessed, and has no score.
  healthScore: ofScenario(({ target }) => (target.kind === 'Node' ? null : 1)),
  detectedLabels: ofScenario(({ target }) => ({ gitOpsManaged: false, kind: target.kind })),
  specHash: (situation, moment) => `sha256:${sha256(`${targetText(situation.plan.scenario)} ${moment}`)}`,

  workflowName: ofScenario(({ workflow }) => workflow.workflowName),
  workflowVersion: ofScenario(({ workflow }) => workflow.version),
  workflowId: ofScenario((scenario) => workflowOf(scenario).workflowId),
  actionType: ofScenario(({ workflow }) => workflow.actionType),
  recommendedWorkflow: ofScenario((scenario) => {
    const { workflowId, version, executionBundle } = workflowOf(scenario);
    return { workflowId, version, executionBundle, rationale: scenario.rationale };
  }),
  selectedWorkflow: ofPlan(selectedWorkflow),
  selectedWorkflowUnnamed: ofPlan((plan) => {
    const selected = selectedWorkflow(plan);
    delete selected['workflowName'];
    return selected;
  }),
  alternativeWorkflows: ofScenario(alternativeWorkflows),
  overridingWorkflow: ofPlan(({ overriding }) => overriding.workflow.workflowName),
  overridingParameters: ofPlan(({ overriding }) => ({ ...overriding.parameters })),

  workflow: ofExecuted((scenario) => workflowOf(scenario)),
  workflowImage: ofExecuted((scenario) => {
    const { executionBundle, executionBundleDigest, ...rest } = workflowOf(scenario);
    return { ...rest, containerImage: executionBundle, containerDigest: executionBundleDigest };
  }),
  workflowSnapshot: ofExecuted((scenario) => snapshotOf(scenario)),
  workflowDisplayName: ofExecuted(({ workflow }) => `${workflow.actionType}:${workflow.workflowName}`),
  parameters: ofExecuted(({ parameters }) => ({ ...parameters })),
  rationale: ofExecuted(({ rationale }) => rationale),
  tasks: (situation, done) => ofExecuted((scenario) => tasksStatus(scenario, done))(situation, done),
  failureMessage: ofExecuted(({ failure }) => failure.message),
  failureDetails: (situation, argument) =>
    ofExecuted((scenario) => failureDetails(scenario, situation))(situation, argument),
};

function signalLabels({ signalName, severity, target }: Scenario): JsonObject {
  return {
    alertname: signalName,
    severity,
    ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
    [target.kind.toLowerCase()]: target.name,
  };
}

/** As the action of document 001 names what it acts upon. */
function documentedTarget({ target: { namespace, kind, name } }: Scenario): JsonObject {
  return { ...(namespace === undefined ? {} : { namespace }), resourceKind: kind, resourceName: name };
}

function signalAnnotations({ signalName, summary }: Scenario): JsonObject {
  return {
    summary,
    runbook: `https://runbooks.example.com/${signalName}`,
  };
}

function originalPayload(scenario: Scenario): string {
  const { summary } = scenario;
  const alert = { status: 'firing', labels: signalLabels(scenario), annotations: { summary } };
  return JSON.stringify({ version: '4', receiver: 'kubernaut', alerts: [alert] });
}

function kubernetesContext({ target }: Scenario): JsonObject {
  const team = `team-${target.namespace ?? 'platform'}`;
  return {
    clusterID: 'production-eu-1',
    namespace: {
      name: target.namespace ?? CLUSTER_WIDE,
      labels: { 'kubernaut.ai/managed': 'true', team },
      annotations: { 'example.com/contact': `${team}@example.com` },
    },
    workload: { kind: target.kind, name: target.name, labels: { app: target.name, team }, annotations: {} },
    ownerChain: [{ kind: target.kind, name: target.name, namespace: target.namespace ?? '' }],
    customLabels: { tier: ['backend'] },
    degradedMode: false,
  };
}

function rootCauseAnalysis({ summary, severity, rationale, signalName, target }: Scenario): JsonObject {
  return {
    summary: `${summary}. ${rationale}`,
    severity,
    signalType: signalName,
    contributingFactors: [summary, rationale],
    remediationTarget: { ...target },
  };
}

/**
 * What the agent answers. The analysis takes over the first members of the cause; the grounds stay with the session. So does
 * the proposal where no workflow is run: `none` proposes nothing, `review` something that nobody trusts.
 */
function sessionResult(plan: RemediationPlan, proposal: string): JsonObject {
  const { scenario, confidence } = plan;
  const { summary, severity, rationale, signalName, target } = scenario;
  return {
    analysis: investigationReport(scenario),
    confidence,
    rootCauseAnalysis: {
      summary: `${summary}. ${rationale}`,
      severity,
      signal_name: signalName,
      contributing_factors: [summary, rationale],
      remediationTarget: { ...target },
      causal_chain: [summary, rationale],
      due_diligence: dueDiligence(scenario),
    },
    ...(proposal === 'none' ? {} : { selectedWorkflow: proposedWorkflow(plan) }),
    alternativeWorkflows: alternativeWorkflows(scenario).map(({ workflowId, ...rest }) => ({
      workflowID: workflowId,
      ...rest,
    })),
    detectedLabels: { gitOpsManaged: false, kind: target.kind },
    ...(proposal === 'review' ? { needsHumanReview: true, humanReviewReason: 'low_confidence' } : {}),
  };
}

function alternativeWorkflows({ target }: Scenario) {
  return [
    {
      workflowId: uuidOf('notify-owner 1.0.0'),
      confidence: 0.41,
      rationale: `Only notifies the owner of ${target.name}: safe, and does not help`,
    },
  ];
}

/** In the agent's own spelling. */
function proposedWorkflow({ scenario, confidence }: RemediationPlan): JsonObject {
  const { workflowId, version, executionBundle, executionBundleDigest } = workflowOf(scenario);
  return {
    workflow_id: workflowId,
    version,
    execution_bundle: executionBundle,
    execution_bundle_digest: executionBundleDigest,
    confidence,
    parameters: { ...scenario.parameters },
  };
}

/** The eight questions that an agent has to answer before it proposes anything. */
const dueDiligence = ({ target, workflow, rationale }: Scenario): JsonObject => ({
  causal_completeness: rationale,
  target_accuracy: `${target.kind} ${target.name} owns what the signal is about`,
  evidence_sufficiency: 'events, logs and metrics of the last hour agree',
  alternative_hypotheses: 'a failing dependency was looked for and not found',
  scope_completeness: 'no other workload shows the signal',
  proportionality: `${workflow.workflowName} changes nothing else`,
  regression_awareness: 'the last three changes were looked at',
  confidence_calibration: 'the same cause was confirmed twice before',
});

function investigationReport({ signalName, summary, rationale, workflow }: Scenario): string {
  return `# ${signalName}\n\n${summary}\n\n## Cause\n\n${rationale}\n\n## Proposal\n\nRun ${workflow.workflowName} ${workflow.version}: ${workflow.tasks.join(', ')}.`;
}

/** The workflow as the remediation and its execution both name it. */
function workflowOf({ workflow }: Scenario) {
  const bundle = `registry.example.com/remediation-workflows/${workflow.workflowName}:v${workflow.version}`;
  return {
    workflowId: uuidOf(`${workflow.workflowName} ${workflow.version}`),
    version: workflow.version,
    executionBundle: bundle,
    executionBundleDigest: `sha256:${sha256(bundle)}`,
  };
}

const snapshotOf = (scenario: Scenario): JsonObject => ({
  ...workflowOf(scenario),
  workflowName: scenario.workflow.workflowName,
  actionType: scenario.workflow.actionType,
  executionEngine: scenario.workflow.executionEngine,
  serviceAccountName: 'remediation-runner',
  declaredParameterNames: Object.keys(scenario.parameters),
});

function selectedWorkflow({ scenario, confidence }: RemediationPlan): JsonObject {
  return {
    ...snapshotOf(scenario),
    confidence,
    parameters: { ...scenario.parameters },
    rationale: scenario.rationale,
  };
}

function tasksStatus({ workflow, failure }: Scenario, done: string): JsonObject {
  const totalTasks = workflow.tasks.length;
  const completedTasks =
    { none: 0, half: Math.floor(totalTasks / 2), all: totalTasks, failed: failure.taskIndex }[done] ?? 0;
  const [status, reason] =
    { all: ['True', 'Succeeded'], failed: ['False', 'Failed'] }[done] ?? (['Unknown', 'Running'] as const);
  const message = `Tasks completed: ${completedTasks} of ${totalTasks}`;
  return { status: status ?? '', reason: reason ?? '', message, completedTasks, totalTasks, retryCount: 0 };
}

function failureDetails({ workflow, failure }: Scenario, { clock }: Situation): JsonObject {
  const task = workflow.tasks[failure.taskIndex] ?? workflow.tasks[0];
  return {
    failedTaskIndex: failure.taskIndex,
    failedTaskName: task,
    failedStepName: `step-${task}`,
    reason: failure.reason,
    message: failure.message,
    ...(failure.exitCode === undefined ? {} : { exitCode: failure.exitCode }),
    failedAt: timeText(clock.now()),
    naturalLanguageSummary: `Task ${task} of ${workflow.workflowName} ended with ${failure.reason}: ${failure.message}`,
    wasExecutionFailure: failure.wasExecutionFailure,
  };
}
