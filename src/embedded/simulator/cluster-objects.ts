import type { ClusterAnswer, ClusterClient } from './cluster-client.ts';
import { RUN_LABEL } from './labels.ts';
import type { ObjectReference } from './remediation-request.ts';

/** As much of an object as the simulator looks at. */
export interface ClusterObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    creationTimestamp: string;
    labels?: Record<string, string>;
  };
  status?: { retentionExpiryTime?: string };
}

interface ObjectList {
  metadata: { continue?: string };
  items: ClusterObject[];
}

export const REMEDIATIONS = 'remediationrequests';
export const EXECUTIONS = 'workflowexecutions';

const OK = 200;
const CREATED = 201;
const NOT_FOUND = 404;
const CONFLICT = 409;
const GONE = 410;
const PAGE_SIZE = 200;

/** The two kinds of remediation resources in one namespace, by the plain API. */
export class ClusterObjects {
  readonly #client: ClusterClient;
  readonly #namespace: string;

  constructor(client: ClusterClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  async ensureNamespace(): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.#namespace } };
    const answer = await this.#client.send({ method: 'POST', path: '/api/v1/namespaces', body });
    if (answer.status !== CONFLICT) expectStatus(answer, CREATED, `create namespace ${this.#namespace}`);
  }

  /** Undefined when another run has taken the name. An answer lost on the way is found again by the run's label. */
  async create(plural: string, body: Record<string, unknown>): Promise<ClusterObject | undefined> {
    const { name, labels } = body['metadata'] as { name: string; labels: Record<string, string> };
    const created = await this.#client.send({ method: 'POST', path: this.#path(plural), body });
    if (created.status !== CONFLICT) {
      return expectStatus(created, CREATED, `create ${plural} ${name}`) as ClusterObject;
    }
    const present = await this.#client.send({ method: 'GET', path: this.#path(plural, name) });
    if (present.status === NOT_FOUND) return undefined;
    const object = expectStatus(present, OK, `read ${plural} ${name}`) as ClusterObject;
    return object.metadata.labels?.[RUN_LABEL] === labels[RUN_LABEL] ? object : undefined;
  }

  /** False when the object is gone. */
  async patchStatus(plural: string, name: string, status: object): Promise<boolean> {
    const path = `${this.#path(plural, name)}/status`;
    const answer = await this.#client.send({ method: 'PATCH', path, body: { status } });
    if (answer.status === NOT_FOUND) return false;
    expectStatus(answer, OK, `update the status of ${plural} ${name}`);
    return true;
  }

  /** Deletes the object and lets go of its finalizers. What is gone already counts as deleted. */
  async delete(plural: string, { metadata: { name, uid } }: ClusterObject): Promise<void> {
    const path = this.#path(plural, name);
    const deleted = await this.#client.send({ method: 'DELETE', path, body: { preconditions: { uid } } });
    if (deleted.status === NOT_FOUND || deleted.status === CONFLICT) return;
    const answer = expectStatus(deleted, OK, `delete ${plural} ${name}`) as { kind?: string };
    if (answer.kind === 'Status') return;
    const release = { metadata: { uid, finalizers: null } };
    const released = await this.#client.send({ method: 'PATCH', path, body: release });
    if (released.status !== NOT_FOUND) expectStatus(released, OK, `release ${plural} ${name}`);
  }

  async list(plural: string): Promise<ClusterObject[]> {
    const objects: ClusterObject[] = [];
    let token = '';
    do {
      const path = `${this.#path(plural)}?limit=${PAGE_SIZE}&continue=${encodeURIComponent(token)}`;
      const answer = await this.#client.send({ method: 'GET', path });
      // The list grew too old while it was read: the next look will find what is left.
      if (answer.status === GONE) return objects;
      const page = expectStatus(answer, OK, `list ${plural}`) as ObjectList;
      objects.push(...page.items);
      token = page.metadata.continue ?? '';
    } while (token !== '');
    return objects;
  }

  #path(plural: string, name?: string): string {
    const collection = `/apis/kubernaut.ai/v1alpha1/namespaces/${this.#namespace}/${plural}`;
    return name === undefined ? collection : `${collection}/${name}`;
  }
}

export const referenceTo = ({ apiVersion, kind, metadata }: ClusterObject): ObjectReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  namespace: metadata.namespace,
  uid: metadata.uid,
});

/** The body of an expected answer. */
export function expectStatus({ status, body }: ClusterAnswer, expected: number, operation: string): unknown {
  if (status === expected) return body;
  const message = (body as { message?: string } | undefined)?.message ?? JSON.stringify(body);
  throw new Error(
    `the simulator cannot ${operation}: HTTP ${status}, ${message}. It needs write access to remediation resources`,
  );
}
