import type { KubernautKind } from '../kubernaut/kind.ts';
import { KUBERNAUT_KINDS } from '../kubernaut/kinds.ts';
import type { ClusterAccess, ClusterConnection } from '../kubernetes/cluster-connection.ts';
import { connectCluster } from '../kubernetes/cluster-connection.ts';
import type { OwnRight } from '../kubernetes/reviews.ts';
import { reviewOwnAccess } from '../kubernetes/reviews.ts';
import { requireAnswer } from '../services/depended-servers.ts';
import { strictModeOf, watchedClusters } from '../services/watcher-settings.ts';
import { IDENTITY_PATH } from '../watcher/identified-watcher.ts';
import type { Collection } from '../watcher/watched-kind.ts';
import { collectionsOf, pluralOf, REMEDIATION } from '../watcher/watched-kind.ts';
import type { Check, Outcome } from './check.ts';
import { notConfigured, ok, wrong } from './check.ts';
import type { Examined } from './examined.ts';

const READ_VERBS = ['get', 'list', 'watch'];
const STRICT_VERB = 'patch';
const UNAUTHORIZED = 401;
const NOT_FOUND = 404;
const OK = 200;

/** One cluster as the configuration names it. Its connection is made by the first check that needs it. */
interface ExaminedCluster {
  /** Name of the check that it answers and takes the credentials. */
  readonly check: string;
  readonly connect: () => ClusterConnection;
}

/** Every watched cluster with each kind, and the one that judges tokens. */
export function clusterChecks(examined: Examined): readonly Check[] {
  const { kubernetes, api } = examined.config;
  const isUnset = kubernetes.kubeconfig === '' && !kubernetes.inCluster;
  if (isUnset) return [notConfigured('clusters', 'KUBECONFIG is not set, and this is no pod')];
  return [
    ...watchedClusters(examined.config).flatMap(({ cluster, context }) =>
      watchedClusterChecks(cluster, { ...kubernetes, context }, examined),
    ),
    ...(api.authMode === 'kubernetes' ? reviewChecks(kubernetes, examined) : []),
  ];
}

function watchedClusterChecks(name: string, access: ClusterAccess, examined: Examined): readonly Check[] {
  const cluster = clusterOf(`cluster ${name}`, access, examined);
  const served = createDiscovery(cluster);
  return [
    answerCheck(cluster),
    identityCheck(name, cluster),
    ...KUBERNAUT_KINDS.map((kind) => kindCheck(kind, { name, cluster, served, examined })),
  ];
}

function clusterOf(check: string, access: ClusterAccess, { closing }: Examined): ExaminedCluster {
  let connection: ClusterConnection | undefined;
  closing.push(async () => connection?.close());
  return { check, connect: () => (connection ??= connectCluster(access)) };
}

function answerCheck({ check, connect }: ExaminedCluster): Check {
  return {
    name: check,
    remedy: 'check KUBECONFIG, its context, and that the API server is up',
    run: async (signal) => {
      const connection = connect();
      await requireAnswer(connection, signal);
      const { statusCode, body } = await connection.get('/apis', signal);
      await body.dump();
      if (statusCode === UNAUTHORIZED)
        return wrong(
          `${connection.server} does not take the credentials (401)`,
          'renew the token or the certificate that KUBECONFIG names',
        );
      return ok(`${connection.server} answers`);
    },
  };
}

function identityCheck(name: string, { check, connect }: ExaminedCluster): Check {
  return {
    name: `identity of cluster ${name}`,
    after: [check],
    remedy: 'check that the API server is up',
    run: async (signal) => {
      const { statusCode, body } = await connect().get(IDENTITY_PATH, signal);
      await body.dump();
      if (statusCode === OK) return ok('namespace kube-system can be read');
      return wrong(
        `namespace kube-system cannot be read (${statusCode}), whose uid says which cluster this is`,
        'apply deploy/rbac.yaml for the service account of `watch`',
      );
    },
  };
}

/** Whether a kind is served in a group and version. Each of those is asked for once. */
type Discovery = (apiVersion: string, plural: string, signal: AbortSignal) => Promise<boolean>;

function createDiscovery({ connect }: ExaminedCluster): Discovery {
  const asked = new Map<string, Promise<readonly string[]>>();
  const ask = async (apiVersion: string, signal: AbortSignal): Promise<readonly string[]> => {
    const { statusCode, body } = await connect().get(`/apis/${apiVersion}`, signal);
    if (statusCode !== OK) {
      await body.dump();
      if (statusCode === NOT_FOUND) return [];
      throw new Error(`/apis/${apiVersion} answers ${statusCode}`);
    }
    const { resources = [] } = (await body.json()) as { resources?: { name: string }[] };
    return resources.map(({ name }) => name);
  };
  return async (apiVersion, plural, signal) => {
    const answer = asked.get(apiVersion) ?? ask(apiVersion, signal);
    asked.set(apiVersion, answer);
    return (await answer).includes(plural);
  };
}

interface KindContext {
  /** Of the cluster, in records. */
  readonly name: string;
  readonly cluster: ExaminedCluster;
  readonly served: Discovery;
  readonly examined: Examined;
}

/** That a cluster serves it, and that it may be read there; where strict mode holds it, that it may be patched. */
function kindCheck(kind: KubernautKind, { name, cluster, served, examined }: KindContext): Check {
  const { config } = examined;
  const isHeld = strictModeOf(config)?.kinds.includes(kind.kind) ?? false;
  const verbs = isHeld ? [...READ_VERBS, STRICT_VERB] : READ_VERBS;
  return {
    name: `kind ${kind.kind} in cluster ${name}`,
    after: [cluster.check],
    remedy: 'check that the API server lets whoever is authenticated review its own rights',
    run: async (signal) => {
      const collections: Collection[] = [];
      for (const collection of collectionsOf(kind, config.watcher.namespaces))
        if (await served(collection.apiVersion, kind.plural, signal)) collections.push(collection);
      if (collections.length === 0) return absent(kind);
      const rights = collections.flatMap((collection) => rightsOn(collection, verbs));
      const granted = await Promise.all(rights.map((right) => reviewOwnAccess(cluster.connect(), right)));
      return judgeRights(rights.filter((_, index) => granted[index] === false));
    },
  };
}

/** Which kinds a cluster has depends on its version of kubernaut; every version has remediations. */
function absent({ kind, plural }: KubernautKind): Outcome {
  if (kind !== REMEDIATION) return ok('not installed: nothing to watch');
  return wrong(
    `the cluster serves no ${plural}`,
    'install the custom resource definitions of kubernaut there, or choose another context',
  );
}

function rightsOn(collection: Collection, verbs: readonly string[]): readonly OwnRight[] {
  const [group = ''] = collection.apiVersion.split('/', 1);
  const { namespace } = collection;
  return verbs.map((verb) => ({ verb, group, resource: pluralOf(collection), namespace }));
}

function judgeRights(missing: readonly OwnRight[]): Outcome {
  if (missing.length === 0) return ok('is there and may be read');
  const named = missing.map(({ verb, resource, group, namespace }) => {
    const where = namespace === '' ? 'all namespaces' : `namespace ${namespace}`;
    return `${verb} ${resource}.${group} in ${where}`;
  });
  const isStrictAlone = missing.every(({ verb }) => verb === STRICT_VERB);
  const file = isStrictAlone ? 'deploy/rbac-strict.yaml' : 'deploy/rbac.yaml';
  return wrong(`no right to ${named.join(', ')}`, `apply ${file} for the service account of \`watch\``);
}

/** What `serve` needs in auth mode `kubernetes`. */
function reviewChecks(access: ClusterAccess, examined: Examined): readonly Check[] {
  const cluster = clusterOf('cluster that judges tokens', access, examined);
  const reviews = [
    { group: 'authentication.k8s.io', resource: 'tokenreviews' },
    { group: 'authorization.k8s.io', resource: 'subjectaccessreviews' },
  ].map((review) => ({ ...review, verb: 'create', namespace: '' }));
  return [
    answerCheck(cluster),
    {
      name: 'token reviews',
      after: [cluster.check],
      remedy: 'check that the API server lets whoever is authenticated review its own rights',
      run: async () => {
        const granted = await Promise.all(reviews.map((right) => reviewOwnAccess(cluster.connect(), right)));
        const missing = reviews.filter((_, index) => granted[index] === false);
        if (missing.length === 0) return ok('may be asked for');
        return wrong(
          `no right to create ${missing.map(({ resource }) => resource).join(', ')}`,
          'bind the service account of `serve` to the cluster role system:auth-delegator',
        );
      },
    },
  ];
}
