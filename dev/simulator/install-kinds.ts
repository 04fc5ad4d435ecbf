import { setTimeout as delay } from 'node:timers/promises';

import type { JsonValue } from '../../src/domain/json.ts';
import { at } from '../../src/kubernaut/resource.ts';
import { definitionOf } from '../sandbox/definitions.ts';
import type { Kind } from '../sandbox/kinds.ts';
import { groupResource, groupVersion } from '../sandbox/kinds.ts';
import type { ClusterTarget } from './cluster-client.ts';
import { ClusterClient } from './cluster-client.ts';
import { expectStatus } from './cluster-objects.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const OK = 200;
const CREATED = 201;
const CONFLICT = 409;
/** A real API server takes a second or two to serve a new kind. */
const SERVED_DEADLINE_MS = 30_000;
const POLL_MS = 100;

/** Registers the kinds at an API server, if they are not there, and waits until each is served. */
export async function installKinds(target: ClusterTarget, kinds: readonly Kind[]): Promise<void> {
  await using client = new ClusterClient(target);
  for (const kind of kinds) {
    await untilNotLeaving(client, kind);
    const answer = await client.send({ method: 'POST', path: DEFINITIONS, body: definitionOf(kind) });
    if (answer.status !== CONFLICT) expectStatus(answer, CREATED, `register ${groupResource(kind)}`);
  }
  await Promise.all(kinds.map((kind) => untilServed(client, kind)));
}

/** A definition that is being removed keeps its name, and takes what is registered under it along. */
async function untilNotLeaving(client: ClusterClient, kind: Kind): Promise<void> {
  const path = `${DEFINITIONS}/${groupResource(kind)}`;
  const giveUpAt = Date.now() + SERVED_DEADLINE_MS;
  while (isLeaving(await client.send({ method: 'GET', path }))) {
    if (Date.now() > giveUpAt) {
      throw new Error(
        `the definition of ${groupResource(kind)} is being removed and does not go: look at its finalizers`,
      );
    }
    await delay(POLL_MS);
  }
}

const isLeaving = ({ body }: { readonly body: unknown }): boolean =>
  at(body as JsonValue, 'metadata.deletionTimestamp') !== undefined;

async function untilServed(client: ClusterClient, kind: Kind): Promise<void> {
  const path = `/apis/${groupVersion(kind)}/${kind.plural}?limit=1`;
  const giveUpAt = Date.now() + SERVED_DEADLINE_MS;
  while ((await client.send({ method: 'GET', path })).status !== OK) {
    if (Date.now() > giveUpAt) {
      throw new Error(
        `${groupResource(kind)} was registered but is not served: look at the definition's conditions`,
      );
    }
    await delay(POLL_MS);
  }
}
