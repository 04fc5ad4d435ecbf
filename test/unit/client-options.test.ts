import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { createAuditClient, encodeRecord } from '../../packages/client/src/audit-client.ts';
import { optionsFromSource } from '../../packages/client/src/client-options.ts';
import { QueueFullError } from '../../packages/client/src/errors.ts';
import { createMemoryQueue } from '../../packages/client/src/memory-queue.ts';
import { CLIENT_RECORDS, clientRecords } from '../../scripts/client-records.ts';
import { repositoryPath } from '../support/repository.ts';

test('the configuration of source 001 is understood as it stands there', () => {
  expect(
    optionsFromSource({
      storage_service_url: 'http://storage-service.kubernaut.svc.cluster.local:8085',
      audit_enabled: 'true',
      audit_batch_size: '100',
      audit_flush_interval: '30s',
    }),
  ).toEqual({
    url: 'http://storage-service.kubernaut.svc.cluster.local:8085',
    enabled: true,
    batchSize: 100,
    flushIntervalMs: 30_000,
  });
});

test.each([
  [{ audit_enabled: 'yes' }, 'audit_enabled is yes; it takes true or false'],
  [{ audit_batch_size: '0' }, 'audit_batch_size is 0; it takes a number from 1 to 1000'],
  [{ audit_batch_size: 'many' }, 'audit_batch_size is many; it takes a number from 1 to 1000'],
  [{ audit_flush_interval: '30' }, 'audit_flush_interval is 30; it takes a duration such as 30s'],
  [{ audit_flush_interval: '-1s' }, 'audit_flush_interval is -1s; it takes a duration such as 30s'],
])('%o is refused by its key', (wrong, message) => {
  expect(() => optionsFromSource({ storage_service_url: 'http://localhost', ...wrong })).toThrow(message);
});

test('a batch size that the service would refuse is refused at once', async () => {
  await expect(createAuditClient({ url: 'http://localhost', batchSize: 1_001 })).rejects.toThrow(
    'batchSize is 1001; it takes a number from 1 to 1000',
  );
});

test('times, integers of any size and absent values are encoded without loss', () => {
  const record = { at: new Date(0), big: 9_007_199_254_740_993n, none: null, left: undefined };
  expect(encodeRecord(record)).toBe('{"at":"1970-01-01T00:00:00.000Z","big":9007199254740993,"none":null}');
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])('%d is refused: JSON would make it absent', (score) => {
  expect(() => encodeRecord({ confidence_score: score })).toThrow(/cannot record confidence_score/);
});

test('memory holds so many records and says when it is full', async () => {
  const queue = createMemoryQueue(2);
  const kept = [1, 2].map((index) => queue.add({ kind: 'ai-analysis', json: String(index) }));
  await expect(queue.add({ kind: 'ai-analysis', json: '3' })).rejects.toThrow(QueueFullError);
  expect(queue.size).toBe(2);
  await queue.stored(await queue.oldest(10));
  await expect(Promise.all(kept)).resolves.toEqual([undefined, undefined]);
});

test('docs/client.md lists every option', () => {
  const source = readFileSync(repositoryPath('packages/client/src/client-options.ts'), 'utf8');
  const declared = source.slice(
    source.indexOf('interface ClientOptions'),
    source.indexOf('export const MAX_BATCH'),
  );
  const options = [...declared.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name);
  const page = readFileSync(repositoryPath('docs/client.md'), 'utf8');
  const table = page.slice(page.indexOf('## Options'), page.indexOf('## When'));
  expect([...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name)).toEqual(options);
});

test('the record types of the client are those of the definitions', async () => {
  expect(readFileSync(CLIENT_RECORDS, 'utf8')).toBe(await clientRecords());
});
