import type { Kind } from '../sandbox/kinds.ts';
import { groupResource, KUBERNAUT_KINDS } from '../sandbox/kinds.ts';

/** Generations of kubernaut's resources that are played, newest first. */
export const GENERATIONS = ['G3', 'G2', 'G1', 'G0'] as const;
export type Generation = (typeof GENERATIONS)[number];

/**
 * The kinds of a remediation, by the short names people use; owners before what they own. AS is an AgentSession, IS an
 * InvestigationSession, RP a RemediationProcessing, KE a KubernetesExecution.
 */
export const KIND_CODES = ['RR', 'RP', 'SP', 'AIA', 'AS', 'WFE', 'KE', 'RAR', 'NR', 'EA', 'IS'] as const;
export type KindCode = (typeof KIND_CODES)[number];

/** Where each kind is served; what a generation did not have is absent. */
type Served = Readonly<Partial<Record<KindCode, string>>>;

const TODAY: Served = {
  RR: 'remediationrequests.kubernaut.ai',
  SP: 'signalprocessings.kubernaut.ai',
  AIA: 'aianalyses.kubernaut.ai',
  AS: 'agentsessions.kubernaut.ai',
  WFE: 'workflowexecutions.kubernaut.ai',
  RAR: 'remediationapprovalrequests.kubernaut.ai',
  NR: 'notificationrequests.kubernaut.ai',
  EA: 'effectivenessassessments.kubernaut.ai',
  IS: 'investigationsessions.kubernaut.ai',
};

const SERVED: Readonly<Record<Generation, Served>> = {
  G3: TODAY,
  G2: withoutKinds(TODAY, 'AS'),
  G1: {
    RR: 'remediationrequests.remediation.kubernaut.io',
    SP: 'signalprocessings.signalprocessing.kubernaut.ai',
    AIA: 'aianalyses.aianalysis.kubernaut.io',
    WFE: 'workflowexecutions.workflowexecution.kubernaut.ai',
    RAR: 'remediationapprovalrequests.remediation.kubernaut.io',
    NR: 'notificationrequests.notification.kubernaut.ai',
  },
  G0: {
    RR: 'remediationrequests.remediation.kubernaut.io',
    RP: 'remediationprocessings.remediationprocessing.kubernaut.io',
    AIA: 'aianalyses.aianalysis.kubernaut.io',
    WFE: 'workflowexecutions.workflowexecution.kubernaut.io',
    // As document 001 has it; the object that was coded is in another group.
    KE: 'kubernetesexecutions.executor.kubernaut.io',
  },
};

const BY_NAME = new Map(KUBERNAUT_KINDS.map((kind) => [groupResource(kind), kind]));

/** Undefined when the generation has no such kind. */
export function kindIn(generation: Generation, code: KindCode): Kind | undefined {
  return BY_NAME.get(SERVED[generation][code] ?? '');
}

/** The kinds that a generation has. */
export const kindsOf = (generation: Generation): readonly Kind[] =>
  KIND_CODES.flatMap((code) => kindIn(generation, code) ?? []);

function withoutKinds(served: Served, absent: KindCode): Served {
  return Object.fromEntries(Object.entries(served).filter(([code]) => code !== absent));
}
