import type { KindRegistry } from './kind-registry.ts';
import type { Kind } from './kinds.ts';

/** The release whose behaviour the conformance suite holds the sandbox to. */
const EMULATED = { major: '1', minor: '34' };

const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
const STATUS_VERBS = ['get', 'patch', 'update'];

/** Answers what a client asks before it asks for resources; undefined when the path is none of these. */
export function discover(segments: readonly string[], registry: KindRegistry, host: string): unknown {
  const [root, group, version, ...below] = segments;
  if (below.length > 0) return undefined;
  if (root === 'version' && group === undefined) return versionInfo();
  if (root === 'api') {
    if (version !== undefined) return undefined;
    return group === undefined ? coreVersions(host) : resourceList(registry, '', group);
  }
  if (root !== 'apis') return undefined;
  if (group === undefined) return groupList(registry);
  return version === undefined ? groupOf(registry, group) : resourceList(registry, group, version);
}

const versionInfo = (): unknown => ({
  ...EMULATED,
  gitVersion: `v${EMULATED.major}.${EMULATED.minor}.0-sandbox`,
  gitTreeState: 'clean',
  platform: 'sandbox',
});

const coreVersions = (host: string): unknown => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: host }],
});

function groupList(registry: KindRegistry): unknown {
  const names = new Set(registry.all().map(({ group }) => group));
  names.delete('');
  const groups = [...names].sort().map((group) => describeGroup(registry, group));
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

function groupOf(registry: KindRegistry, group: string): unknown {
  if (!registry.all().some((kind) => kind.group === group)) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...describeGroup(registry, group) };
}

function describeGroup(registry: KindRegistry, name: string): object {
  const inGroup = registry.all().filter(({ group }) => group === name);
  const names = [...new Set(inGroup.map(({ version }) => version))].sort();
  const versions = names.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

function resourceList(registry: KindRegistry, group: string, version: string): unknown {
  const kinds = registry.all().filter((kind) => kind.group === group && kind.version === version);
  if (kinds.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group ? `${group}/${version}` : version,
    resources: kinds.flatMap(describeKind),
  };
}

function describeKind(kind: Kind): object[] {
  const { plural, singular, namespaced, shortNames } = kind;
  const resource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind: kind.kind,
    verbs: VERBS,
    ...(shortNames.length > 0 ? { shortNames } : {}),
  };
  if (!kind.statusSubresource) return [resource];
  return [
    resource,
    { name: `${plural}/status`, singularName: '', namespaced, kind: kind.kind, verbs: STATUS_VERBS },
  ];
}
