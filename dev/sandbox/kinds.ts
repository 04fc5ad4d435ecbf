/** A registered kind of resource. One version per kind: the sandbox does not convert between versions. */
export interface Kind {
  /** Empty for the core group. */
  group: string;
  version: string;
  kind: string;
  listKind: string;
  plural: string;
  singular: string;
  shortNames: readonly string[];
  namespaced: boolean;
  statusSubresource: boolean;
}

export const groupVersion = (kind: Pick<Kind, 'group' | 'version'>): string =>
  kind.group ? `${kind.group}/${kind.version}` : kind.version;

/** `<plural>.<group>`: how messages name a resource, and how a definition must be named. */
export const groupResource = (kind: Pick<Kind, 'group' | 'plural'>): string =>
  kind.group ? `${kind.plural}.${kind.group}` : kind.plural;

/** Where objects of a kind are stored. */
export type Collection = string;
export const collectionOf = (kind: Pick<Kind, 'group' | 'plural'>): Collection =>
  `${kind.group}/${kind.plural}`;

export const NAMESPACE: Kind = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  listKind: 'NamespaceList',
  plural: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  namespaced: false,
  statusSubresource: false,
};

export const CUSTOM_RESOURCE_DEFINITION: Kind = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  listKind: 'CustomResourceDefinitionList',
  plural: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  shortNames: ['crd', 'crds'],
  namespaced: false,
  statusSubresource: true,
};

export const BUILT_IN_KINDS: readonly Kind[] = [NAMESPACE, CUSTOM_RESOURCE_DEFINITION];

/** `[kind, plural, ...short names]` of what a group serves. */
type Names = readonly [kind: string, plural: string, ...shortNames: string[]];

const REMEDIATION_REQUEST: Names = ['RemediationRequest', 'remediationrequests', 'rr'];
const APPROVAL_REQUEST: Names = ['RemediationApprovalRequest', 'remediationapprovalrequests', 'rar', 'rars'];
const SIGNAL_PROCESSING: Names = ['SignalProcessing', 'signalprocessings', 'sp'];
const AI_ANALYSIS: Names = ['AIAnalysis', 'aianalyses', 'aia'];
const WORKFLOW_EXECUTION: Names = ['WorkflowExecution', 'workflowexecutions', 'wfe'];
const KUBERNETES_EXECUTION: Names = ['KubernetesExecution', 'kubernetesexecutions', 'ke'];
const NOTIFICATION_REQUEST: Names = ['NotificationRequest', 'notificationrequests', 'notif', 'notifs'];

/** What each API group of kubernaut ever served: newest first, then the groups of one kind, then the documented ones. */
const GROUPS: readonly (readonly [group: string, version: string, ...kinds: Names[]])[] = [
  [
    'kubernaut.ai',
    'v1alpha1',
    REMEDIATION_REQUEST,
    SIGNAL_PROCESSING,
    AI_ANALYSIS,
    WORKFLOW_EXECUTION,
    APPROVAL_REQUEST,
    NOTIFICATION_REQUEST,
    ['EffectivenessAssessment', 'effectivenessassessments', 'ea'],
    ['AgentSession', 'agentsessions', 'asess'],
    ['InvestigationSession', 'investigationsessions', 'isess'],
  ],
  ['notification.kubernaut.ai', 'v1alpha1', NOTIFICATION_REQUEST],
  ['signalprocessing.kubernaut.ai', 'v1alpha1', SIGNAL_PROCESSING],
  ['signalprocessing.kubernaut.io', 'v1alpha1', SIGNAL_PROCESSING],
  ['workflowexecution.kubernaut.ai', 'v1alpha1', WORKFLOW_EXECUTION],
  ['remediation.kubernaut.io', 'v1alpha1', REMEDIATION_REQUEST, APPROVAL_REQUEST],
  ['remediationprocessing.kubernaut.io', 'v1alpha1', ['RemediationProcessing', 'remediationprocessings']],
  ['aianalysis.kubernaut.io', 'v1alpha1', AI_ANALYSIS],
  ['workflowexecution.kubernaut.io', 'v1alpha1', WORKFLOW_EXECUTION],
  ['kubernetesexecution.kubernaut.io', 'v1alpha1', KUBERNETES_EXECUTION],
  ['ai.kubernaut.io', 'v1', AI_ANALYSIS],
  ['workflow.kubernaut.io', 'v1', WORKFLOW_EXECUTION],
  ['executor.kubernaut.io', 'v1', KUBERNETES_EXECUTION],
];

/** The kinds the sandbox starts with; `deploy/crds-for-tests/` says the same for a real API server. */
export const KUBERNAUT_KINDS: readonly Kind[] = GROUPS.flatMap(([group, version, ...kinds]) =>
  kinds.map(([kind, plural, ...shortNames]) => ({
    group,
    version,
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    shortNames,
    namespaced: true,
    statusSubresource: true,
  })),
);
