import { connectForWriting } from '../../src/kubernetes/cluster-writer.ts';

/** Whoever holds the admin's kubeconfig creates things in that cluster. */
export interface ClusterAdmin {
  /** Creates what is described and gives what the server made of it. */
  create(path: string, resource: object): Promise<Record<string, unknown>>;
  remove(path: string): Promise<void>;
  /** A token of the service account in the namespace `default`. */
  tokenOf(account: string, audiences?: readonly string[]): Promise<string>;
}

const ANSWER_TIMEOUT_MS = 20_000;
const RBAC = 'rbac.authorization.k8s.io';

export function clusterAdmin(kubeconfigPath: string): ClusterAdmin {
  const send = async (
    method: 'POST' | 'DELETE',
    path: string,
    resource?: object,
  ): Promise<Record<string, unknown>> => {
    await using writer = await connectForWriting({ kubeconfig: kubeconfigPath, context: '' });
    const answer = await writer.send(
      {
        method,
        path,
        headers: { 'content-type': 'application/json' },
        ...(resource === undefined ? {} : { body: JSON.stringify(resource) }),
      },
      AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    );
    const read = (await answer.body.json()) as Record<string, unknown>;
    if (answer.statusCode >= 300) throw new Error(`cannot ${method} ${path}: ${JSON.stringify(read)}`);
    return read;
  };
  const create = (path: string, resource: object) => send('POST', path, resource);
  return {
    create,
    async remove(path) {
      await send('DELETE', path);
    },
    async tokenOf(account, audiences = []) {
      const { status } = await create(`/api/v1/namespaces/default/serviceaccounts/${account}/token`, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: audiences.length === 0 ? {} : { audiences },
      });
      return (status as { token: string }).token;
    },
  };
}

/** A service account that may post records, and nothing else. */
export async function createPoster(admin: ClusterAdmin, name: string): Promise<void> {
  await admin.create('/api/v1/namespaces/default/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name },
  });
  const apiVersion = `${RBAC}/v1`;
  await admin.create(`/apis/${apiVersion}/clusterroles`, {
    apiVersion,
    kind: 'ClusterRole',
    metadata: { name: 'audit-writer' },
    rules: [{ apiGroups: ['remediation-audit'], resources: ['audits'], verbs: ['create'] }],
  });
  await admin.create(`/apis/${apiVersion}/clusterrolebindings`, {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'audit-writer' },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'audit-writer' },
    subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
  });
}
