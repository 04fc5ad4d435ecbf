import type { Generation, KindCode } from './generations.ts';
import type { Template, TemplateObject } from './step.ts';

/**
 * The stories are written in the newest shape. Before G3, the members of these structs lay flat under the status; G1 had
 * other names besides, and lower-case words. G0 has stories of its own: what no other generation has is written there as it
 * was, and only its remediation is that of G1.
 */
const STRUCTS: Readonly<Partial<Record<KindCode, readonly string[]>>> = {
  RR: ['phaseProgress', 'routingStatus', 'completionStatus', 'operatorAudit', 'workflowSelection'],
  SP: ['signalClassification', 'failureInfo'],
  AIA: ['rcaResult', 'approval', 'review', 'investigationMetadata'],
};

const SINCE_G3 = ['timesOutAt'];
const STATUS_SINCE_G3 = ['clusterClassification'];

type Change = (content: TemplateObject) => TemplateObject;

/** The spec of a new resource, as its generation has it. */
export function specIn(generation: Generation, code: KindCode, spec: TemplateObject): TemplateObject {
  if (generation === 'G3') return spec;
  const older = without(spec, SINCE_G3);
  if (generation === 'G2') return code === 'WFE' ? { ...older, ...G2_EXECUTION } : older;
  const specs = generation === 'G0' ? G0_SPECS : G1_SPECS;
  return (specs[code] ?? unchanged)(without(older, ['clusterID']));
}

/** A change of a status, as its generation has it. */
export function statusIn(generation: Generation, code: KindCode, status: TemplateObject): TemplateObject {
  if (generation === 'G3') return status;
  const flat = without(flattened(status, STRUCTS[code] ?? []), STATUS_SINCE_G3);
  if ('selectedWorkflow' in flat) return { ...flat, selectedWorkflow: '@selectedWorkflowUnnamed' };
  return generation === 'G2' ? flat : (G1_STATUSES[code] ?? unchanged)(flat);
}

/** The last phase of a story, in the words of the generation. */
export const phaseIn = (generation: Generation, code: KindCode, phase: string): string =>
  generation === 'G1' || generation === 'G0' ? (G1_PHASES[code] ?? same)(phase) : phase;

const unchanged: Change = (content) => content;
const same = (phase: string): string => phase;

const G1_REMEDIATION_PHASES: Readonly<Record<string, string>> = {
  AwaitingApproval: 'analyzing',
  TimedOut: 'timeout',
  Skipped: 'Skipped',
};
const G1_PHASES: Readonly<Partial<Record<KindCode, (phase: string) => string>>> = {
  RR: (phase) => G1_REMEDIATION_PHASES[phase] ?? phase.toLowerCase(),
  SP: (phase) => phase.toLowerCase(),
};

const kebab = (word: string): string => word.replace(/\B[A-Z]/g, '-$&').toLowerCase();
const inKebab = (value: Template | undefined): Template => (typeof value === 'string' ? kebab(value) : '');

const G2_EXECUTION: TemplateObject = { workflowRef: '@workflow', executionConfig: { timeout: '30m0s' } };

const G1_SPECS: Readonly<Partial<Record<KindCode, Change>>> = {
  RR: (spec) => ({
    ...spec,
    environment: '@environment',
    priority: '@priority',
    isStorm: false,
    deduplication: { isDuplicate: false, firstSeen: '@now', lastSeen: '@now', occurrenceCount: 1 },
  }),
  SP: ({ remediationRequestRef = null, signal }) => ({
    remediationRequestRef,
    ...renamed(without(signal as TemplateObject, ['clusterID']), {
      fingerprint: 'signalFingerprint',
      name: 'signalName',
      type: 'signalType',
      source: 'signalSource',
      labels: 'signalLabels',
      annotations: 'signalAnnotations',
    }),
  }),
  WFE: (spec) => ({ ...spec, workflowRef: '@workflowImage' }),
  NR: (spec) => ({ ...spec, type: inKebab(spec['type']), priority: inKebab(spec['priority']) }),
};

/** An analysis named its remediation by a text, and an execution brought its steps along. */
const G0_SPECS: Readonly<Partial<Record<KindCode, Change>>> = {
  ...G1_SPECS,
  AIA: () => ({
    remediationRequestRef: '@name',
    analysisRequest: {
      signalContext: { fingerprint: '@fingerprint', severity: '@severity', environment: '@environment' },
    },
    llmProvider: 'holmesgpt',
  }),
  WFE: ({ remediationRequestRef = null }) => ({
    remediationRequestRef,
    workflowDefinition: {
      name: '@workflowName',
      version: '@workflowVersion',
      steps: [
        { stepNumber: 1, action: '@actionType' },
        { stepNumber: 2, action: 'verify-health' },
      ],
    },
    executionStrategy: { dryRunFirst: false },
  }),
};

const G1_STATUSES: Readonly<Partial<Record<KindCode, Change>>> = {
  RR: (status) => withPhase('RR', 'overallPhase', status),
  SP: (status) => withPhase('SP', 'phase', enrichedAsDocumented(status)),
  WFE: (status) => renamed(status, { executionRef: 'pipelineRunRef', executionStatus: 'pipelineRunStatus' }),
};

function withPhase(code: KindCode, member: string, status: TemplateObject): TemplateObject {
  const phase = status[member];
  return typeof phase === 'string' ? { ...status, [member]: phaseIn('G1', code, phase) } : status;
}

/** G1's documents: qualities and scores that later generations dropped. */
function enrichedAsDocumented(status: TemplateObject): TemplateObject {
  const later = ['kubernetesContext', 'priorityAssignment', 'businessClassification', 'completionTime'];
  const kept = without(status, [...later, 'severity', 'policyHash', 'signalMode', 'error']);
  return {
    ...without(kept, ['signalName', 'sourceSignalName', 'consecutiveFailures', 'conditions']),
    ...('kubernetesContext' in status
      ? {
          enrichmentResults: {
            kubernetesContext: '@kubernetesContext',
            enrichmentQuality: 0.87,
            completedAt: '@now',
            duration: '@elapsed startTime',
          },
        }
      : {}),
    ...('environmentClassification' in status ? { environmentClassification: G1_ENVIRONMENT } : {}),
    ...('priorityAssignment' in status ? G1_ROUTING : {}),
    ...('completionTime' in status ? { completedAt: '@now', processingTime: '@elapsed startTime' } : {}),
  };
}

const G1_ENVIRONMENT: TemplateObject = {
  environment: '@environment',
  confidence: 0.95,
  businessCriticality: '@criticality',
  slaRequirement: '@slaRequirement',
};

const G1_ROUTING: TemplateObject = {
  categorization: {
    priority: '@priority',
    priorityScore: '@priorityScore',
    categorizationSource: 'enriched-context',
    categorizationTime: '@now',
  },
  routingDecision: { nextService: 'ai-analysis', routingKey: '@fingerprint', priority: '@priorityScore' },
};

function flattened(status: TemplateObject, structs: readonly string[]): TemplateObject {
  const members = structs.map((struct) => status[struct] as TemplateObject | undefined);
  return Object.assign({}, without(status, structs), ...members) as TemplateObject;
}

const without = (content: TemplateObject, members: readonly string[]): TemplateObject =>
  Object.fromEntries(Object.entries(content).filter(([member]) => !members.includes(member)));

const renamed = (content: TemplateObject, names: Readonly<Record<string, string>>): TemplateObject =>
  Object.fromEntries(Object.entries(content).map(([member, value]) => [names[member] ?? member, value]));
