import { readFile } from 'node:fs/promises';

import { Registry } from 'prom-client';
import { describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';

import { createAuditClient } from '../../packages/client/src/audit-client.ts';
import type { SourceConfiguration } from '../../packages/client/src/client-options.ts';
import { optionsFromSource } from '../../packages/client/src/client-options.ts';
import { VARIABLES } from '../../src/config/variables.ts';
import { blocksOf, sourceMetrics, SOURCES, textOf } from '../sources/documents.ts';
import { repositoryPath } from '../support/repository.ts';
import { callApi } from '../support/up.ts';

/** Metrics, configuration and addresses of the source documents, against the processes as a user starts them. */
const { endpoints } = inject('sharedUp');

async function post(address: string, record: object): Promise<number> {
  const answer = await callApi(endpoints, address, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(record),
  });
  await answer.arrayBuffer();
  return answer.status;
}

const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();

describe('the metrics of the documents', () => {
  test.each(sourceMetrics())(
    '$name has its help, type and buckets in serve, work and the client',
    async (metric) => {
      const texts = [await metricsOf(endpoints.api), await metricsOf(endpoints.worker), await ofClient()];
      for (const text of texts) {
        expect(text).toContain(
          `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.type}\n`,
        );
        const bounds = [...text.matchAll(new RegExp(`^${metric.name}_bucket\\{le="([\\d.]+)"\\}`, 'gm'))];
        expect(bounds.map(([, bound]) => Number(bound))).toEqual(metric.buckets);
      }
    },
  );

  async function ofClient(): Promise<string> {
    const registry = new Registry();
    const client = await createAuditClient({ url: endpoints.api, registry });
    await client.close();
    return registry.metrics();
  }

  test('count what is posted under the labels and words of the documents', async () => {
    const execution = { workflow_id: 'restart', target_resource: 'payments/Deployment/api', phase: 'Failed' };
    expect(await post('/api/v1/audit/workflow-execution', { remediation_id: 'rr-1', ...execution })).toBe(
      201,
    );
    const signal = { remediation_id: 'rr-1', signal_fingerprint: 'f', status: 'completed' };
    expect(await post('/api/v1/audit/signal-processing', signal)).toBe(201);
    expect(await post('/api/v1/audit/signal-processing', { ...signal, confidence: 7 })).toBe(422);
    expect(await post('/api/v1/audit/kubernetes-execution', { execution_id: 'e-1', success: true })).toBe(
      201,
    );
    expect(await post('/api/v1/audit/kubernetes-execution', { execution_id: 'e-2', step_index: 'x' })).toBe(
      422,
    );

    const text = await metricsOf(endpoints.api);
    for (const { source, name, type, label, words } of sourceMetrics()) {
      const samples = [
        ...text.matchAll(new RegExp(`^${name}(?:_count)?(?:\\{(\\w+)="([^"]*)"\\})? (.+)$`, 'gm')),
      ];
      expect(samples, name).not.toEqual([]);
      expect(new Set(samples.map(([, found]) => found)), name).toEqual(new Set([label]));
      // A word of the list behind the metric, or one that the document's own code uses.
      const isWord = (word: string): boolean =>
        words.includes(word) || textOf(source).includes(`WithLabelValues("${word}")`) || words.length === 0;
      expect(
        samples.map(([, , word = '']) => word).filter((word) => label !== undefined && !isWord(word)),
      ).toEqual([]);
      if (type !== 'gauge')
        expect(samples.some(([, , , value]) => Number(value) > 0) || name.includes('errors'), name).toBe(
          true,
        );
    }
    for (const status of ['success', 'error'])
      expect(text).toContain(
        `kubernaut_signal_processing_audit_storage_attempts_total{status="${status}"} 1\n`,
      );
  });
});

describe('the configuration of document 001', () => {
  const [block] = blocksOf('001', 'yaml');
  const { data } = parse(block?.text ?? '') as { data: SourceConfiguration };

  test('makes a client that stores what it is given', async () => {
    const options = optionsFromSource({ ...data, storage_service_url: endpoints.api });
    expect(options).toEqual({
      url: endpoints.api,
      enabled: true,
      batchSize: 100,
      flushIntervalMs: 30_000,
    });
    const client = await createAuditClient({ ...options, token: endpoints.token });
    const stored = client.record('kubernetes-execution', { execution_id: 'configured', success: true });
    await client.close();
    await stored;
  });

  test.each(Object.keys(data).filter((key) => key !== 'storage_service_url'))(
    '%s is read: nonsense is refused by its name',
    (key) => {
      expect(() => optionsFromSource({ ...data, [key]: 'nonsense' })).toThrow(`${key} is nonsense`);
    },
  );

  test('names the port on which serve listens, and a host that docs/install.md says how to answer for', async () => {
    const { host, port } = new URL(data.storage_service_url);
    expect(port).toBe(VARIABLES.REMEDIATION_AUDIT_API_PORT.default);
    for (const source of SOURCES)
      for (const [, named] of textOf(source).matchAll(/\(Port (\d+)\)/g)) expect(named, source).toBe(port);
    expect(await readFile(repositoryPath('docs/install.md'), 'utf8')).toContain(host);
  });
});
