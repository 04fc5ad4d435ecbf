import { randomUUID } from 'node:crypto';

import { expect } from 'vitest';

import type { ClusterAddress } from '../../dev/simulator/cluster-client.ts';
import type { Resource, WatchEvent } from './conformance-client.ts';
import { ConformanceClient } from './conformance-client.ts';

export interface ConformingServer {
  address: ClusterAddress;
  /** Makes the server forget what happened before: watches and pages from earlier versions answer 410. */
  forget: () => Promise<void>;
}

export const API = '/apis/kubernaut.ai/v1alpha1';
export const PLURAL = 'workflowexecutions';
export const FINALIZER = 'audit.example.com/hold';

/** The server under test, and what every test does with it. Used from `connect` on. */
export class ConformanceCluster {
  readonly client = new ConformanceClient();
  #server: ConformingServer | undefined;

  connect(server: ConformingServer): void {
    this.#server = server;
    this.client.connect(server.address);
  }

  forget = async (): Promise<void> => {
    if (!this.#server) throw new Error('no server was started for the suite');
    await this.#server.forget();
  };

  /** An own namespace for each test, so that no test sees another's objects. */
  newCollection = async (): Promise<string> => {
    const name = `test-${randomUUID()}`;
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    const created = await this.client.post('/api/v1/namespaces', body);
    expect(created.status, created.text).toBe(201);
    return `${API}/namespaces/${name}/${PLURAL}`;
  };

  create = async (collection: string, name: string, extra?: Record<string, unknown>): Promise<Resource> => {
    const created = await this.client.post(collection, execution(name, extra));
    expect(created.status, created.text).toBe(201);
    return created.body;
  };
}

export const execution = (name: string, extra: Record<string, unknown> = {}): Record<string, unknown> => ({
  apiVersion: 'kubernaut.ai/v1alpha1',
  kind: 'WorkflowExecution',
  metadata: { name },
  spec: { targetResource: 'payments/Deployment/api', replicas: 3 },
  ...extra,
});

export const versionOf = (object: Resource): bigint => BigInt(object.metadata.resourceVersion ?? '0');
export const namesIn = (list: Resource): (string | undefined)[] =>
  (list.items ?? []).map(({ metadata }) => metadata.name);
export const shapeOf = ({ type, object }: WatchEvent): string => `${type} ${object.metadata.name ?? ''}`;
