import { Writable } from 'node:stream';

import pino from 'pino';
import { expect, test } from 'vitest';

import { readConfig } from '../../src/config/config.ts';
import { logMissingSettings } from '../../src/config/missing-settings.ts';
import { NEEDS } from '../../src/config/missing-settings.ts';
import { PROCESSES, type ProcessName, READ_BY } from '../../src/config/process-variables.ts';

function logged(process: ProcessName, environment: Readonly<Record<string, string>>): readonly string[] {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push((JSON.parse(chunk.toString()) as { msg: string }).msg);
      done();
    },
  });
  logMissingSettings(process, readConfig(environment), pino(stream));
  return lines;
}

test('a service without Temporal and without an archive says at start what is lost', () => {
  expect(logged('serve', { DATABASE_URL: 'postgres://a@b/c' })).toEqual([
    'TEMPORAL_ADDRESS is not set: unless Temporal answers at localhost:7233, no post is taken while the database is away, no restore from the archive, and no embedding of posted analyses',
    'REMEDIATION_AUDIT_ARCHIVE_URL is not set: archived months are neither searched nor restored',
  ]);
});

test('a watcher without a database says at start what is lost', () => {
  const [sentence, ...more] = logged('watch', { TEMPORAL_ADDRESS: 'temporal:7233', KUBECONFIG: '/k' });
  expect(sentence).toMatch(/^DATABASE_URL is not set: what Temporal lost is not sent again/);
  expect(more).toEqual([]);
});

test('what a process refuses to start without is not logged, its refusal names it', () => {
  expect(logged('migrate', {})).toEqual([]);
});

test('a process that has everything says nothing', () => {
  const environment = {
    DATABASE_URL: 'postgres://a@b/c',
    DATABASE_READER_URL: 'postgres://a@b/c',
    DATABASE_OWNER_URL: 'postgres://a@b/c',
    TEMPORAL_ADDRESS: 'temporal:7233',
    KUBECONFIG: '/k',
    REMEDIATION_AUDIT_ARCHIVE_URL: 's3://bucket/prefix',
  };
  for (const process of PROCESSES) expect(logged(process, environment), process).toEqual([]);
});

test('a process needs only what it reads', () => {
  for (const process of PROCESSES)
    for (const { variable } of NEEDS[process]) expect(READ_BY[process]).toContain(variable);
});
