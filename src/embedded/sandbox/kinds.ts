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

function kubernautKind(kind: string, plural: string, shortName: string): Kind {
  return {
    group: 'kubernaut.ai',
    version: 'v1alpha1',
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    shortNames: [shortName],
    namespaced: true,
    statusSubresource: true,
  };
}

/** The kinds the sandbox starts with; `deploy/crds-for-tests/` says the same for a real API server. */
export const KUBERNAUT_KINDS: readonly Kind[] = [
  kubernautKind('RemediationRequest', 'remediationrequests', 'rr'),
  kubernautKind('WorkflowExecution', 'workflowexecutions', 'wfe'),
];
