import type { JsonObject } from '../../src/domain/json.ts';
import type { Kind } from '../sandbox/kinds.ts';
import { groupResource, groupVersion } from '../sandbox/kinds.ts';
import type { ClusterAnswer, ClusterClient } from './cluster-client.ts';
import { creatorOf, statusWriterOf } from './field-managers.ts';
import { RUN_LABEL } from './labels.ts';
import type { PlayedObject } from './situation.ts';

interface ObjectList {
  metadata: { continue?: string };
  items: PlayedObject[];
}

const OK = 200;
const CREATED = 201;
const NOT_FOUND = 404;
const CONFLICT = 409;
const GONE = 410;
const PAGE_SIZE = 200;

/** The resources of remediations in one namespace, by the plain API. */
export class ClusterObjects {
  readonly namespace: string;
  readonly #client: ClusterClient;

  constructor(client: ClusterClient, namespace: string) {
    this.#client = client;
    this.namespace = namespace;
  }

  async ensureNamespace(): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } };
    const answer = await this.#client.send({ method: 'POST', path: '/api/v1/namespaces', body });
    if (answer.status !== CONFLICT) expectStatus(answer, CREATED, `create namespace ${this.namespace}`);
  }

  /** Undefined when another run has taken the name. An answer lost on the way is found again by the run's label. */
  async create(kind: Kind, body: Record<string, unknown>): Promise<PlayedObject | undefined> {
    const { name, labels } = body['metadata'] as { name: string; labels: Record<string, string> };
    const path = `${this.#path(kind)}?fieldManager=${creatorOf(kind)}`;
    const created = await this.#client.send({ method: 'POST', path, body });
    if (created.status !== CONFLICT) {
      return expectStatus(created, CREATED, `create ${kind.plural} ${name}`) as PlayedObject;
    }
    const present = await this.#client.send({ method: 'GET', path: this.#path(kind, name) });
    if (present.status === NOT_FOUND) return undefined;
    const object = expectStatus(present, OK, `read ${kind.plural} ${name}`) as PlayedObject;
    return object.metadata.labels?.[RUN_LABEL] === labels[RUN_LABEL] ? object : undefined;
  }

  /** The object with its new status; undefined when it is gone. */
  async patchStatus(kind: Kind, name: string, status: JsonObject): Promise<PlayedObject | undefined> {
    const path = `${this.#path(kind, name)}/status?fieldManager=${statusWriterOf(kind, status)}`;
    const answer = await this.#client.send({ method: 'PATCH', path, body: { status } });
    if (answer.status === NOT_FOUND) return undefined;
    return expectStatus(answer, OK, `update the status of ${kind.plural} ${name}`) as PlayedObject;
  }

  /** Deletes the object and lets go of its finalizers. What is gone already counts as deleted. */
  async delete(kind: Kind, { metadata: { name, uid } }: PlayedObject): Promise<void> {
    const path = this.#path(kind, name);
    const deleted = await this.#client.send({ method: 'DELETE', path, body: { preconditions: { uid } } });
    if (deleted.status === NOT_FOUND || deleted.status === CONFLICT) return;
    const answer = expectStatus(deleted, OK, `delete ${kind.plural} ${name}`) as { kind?: string };
    if (answer.kind === 'Status') return;
    const release = { metadata: { uid, finalizers: null } };
    const released = await this.#client.send({ method: 'PATCH', path, body: release });
    if (released.status !== NOT_FOUND) expectStatus(released, OK, `release ${kind.plural} ${name}`);
  }

  /** Nothing where the cluster does not know the kind. */
  list(kind: Kind): Promise<PlayedObject[]> {
    return listObjects(this.#client, kind, this.#path(kind));
  }

  #path(kind: Kind, name?: string): string {
    const collection = `/apis/${groupVersion(kind)}/namespaces/${this.namespace}/${kind.plural}`;
    return name === undefined ? collection : `${collection}/${name}`;
  }
}

/** Every object of a collection. Nothing where the cluster does not know the kind. */
export async function listObjects(
  client: ClusterClient,
  kind: Kind,
  collection: string,
): Promise<PlayedObject[]> {
  const objects: PlayedObject[] = [];
  let token = '';
  do {
    const path = `${collection}?limit=${PAGE_SIZE}&continue=${encodeURIComponent(token)}`;
    const answer = await client.send({ method: 'GET', path });
    // The list grew too old while it was read: the next list finds what is left.
    if (answer.status === NOT_FOUND || answer.status === GONE) return objects;
    const page = expectStatus(answer, OK, `list ${groupResource(kind)}`) as ObjectList;
    objects.push(...page.items);
    token = page.metadata.continue ?? '';
  } while (token !== '');
  return objects;
}

/** The body of an expected answer. */
export function expectStatus({ status, body }: ClusterAnswer, expected: number, operation: string): unknown {
  if (status === expected) return body;
  const message = (body as { message?: string } | undefined)?.message ?? JSON.stringify(body);
  throw new Error(
    `the simulator cannot ${operation}: HTTP ${status}, ${message}. It needs write access to remediation resources`,
  );
}
