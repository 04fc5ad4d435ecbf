import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { runScript, withSmallDisk } from '../support/processes.ts';
import { cacheDir } from '../support/servers.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sqlstate-disk-'));
  // PostgreSQL, which runs as a user of its own where the tests run as root, must get through to its tables.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'small'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/**
 * The audit tables lie on a small disk of their own, the write-ahead log does not: with that on a full disk the server
 * itself ends, which the kill test covers. The service comes first, then the disk fills up, then there is space again.
 */
const FILL_AND_FREE = (path: string): string => `
  const fs = await import('node:fs');
  const { startPostgres } = await import(source('dev/servers/postgres/postgres.ts'));
  const { prepareDatabase } = await import(source('dev/servers/postgres/database.ts'));
  const { createPool } = await import(source('src/database/pool.ts'));
  const { createRecordStore } = await import(source('src/database/recording/record-store.ts'));
  const { classifyError } = await import(source('src/database/sqlstate.ts'));
  const { createLogger } = await import(source('src/observability/logger.ts'));
  const { executionObservation } = await import(source('test/support/observations.ts'));
  const { entryKeyOf, inspectRecords } = await import(source('test/support/record-checks.ts'));
  const { randomBytes } = await import('node:crypto');

  const path = ${JSON.stringify(path)};
  const logger = createLogger('silent', 'disk');
  const postgres = await startPostgres({
    dataDir: path + '/data', port: 0, cacheDir: ${JSON.stringify(cacheDir)}, report: () => undefined,
  });
  const { uid, gid } = fs.statSync(path + '/data/cluster');
  fs.mkdirSync(path + '/small/tables');
  fs.chownSync(path + '/small/tables', uid, gid);
  const open = (connectionString) =>
    createPool({ connectionString, applicationName: 'disk', statementTimeoutMs: 30000, logger });
  const admin = open(postgres.superuserUrl());
  await admin.query("create tablespace small location '" + path + "/small/tables'");
  await admin.query(fs.readFileSync(new URL(source('migrations/bootstrap/roles.sql')), 'utf8'));
  await admin.query('create database remediation_audit owner audit_owner tablespace small');
  await admin.end();
  const { ownerUrl, writerUrl } = await prepareDatabase(postgres, 0, logger);
  const [owner, writer] = [open(ownerUrl), open(writerUrl)];
  const store = createRecordStore(writer);
  const statuses = (outcomes) => [...new Set(outcomes.map(({ status }) => status))].join();

  const small = [executionObservation(), executionObservation()];
  process.stdout.write('before: ' + statuses(await store.record(small)) + '\\n');

  const filler = fs.openSync(path + '/small/filler', 'w');
  const block = Buffer.alloc(4096);
  try { for (;;) fs.writeSync(filler, block); } catch (error) { process.stdout.write(error.code + '\\n'); }
  fs.closeSync(filler);
  const large = Array.from({ length: 20 }, () => {
    const usual = executionObservation();
    const failure_message = randomBytes(60000).toString('base64');
    return { ...usual, columns: { ...usual.columns, failure_message } };
  });
  const error = await store.record(large).catch((caught) => caught);
  process.stdout.write('full: ' + error.code + ' ' + classifyError(error) + '\\n');
  fs.rmSync(path + '/small/filler');

  process.stdout.write('free: ' + statuses(await store.record(large)) + '\\n');
  process.stdout.write('again: ' + statuses(await store.record(large)) + '\\n');
  const { entries, contradictions } = await inspectRecords(owner);
  const wanted = [...small, ...large].map(entryKeyOf);
  process.stdout.write('there: ' + wanted.filter((key) => entries.includes(key)).length + ' of ' + entries.length + '\\n');
  process.stdout.write('contradictions: ' + contradictions.join() + '\\n');
  await Promise.all([owner.end(), writer.end()]);
  await postgres.stop();`;

test('53100: records wait while the disk is full, and are stored once when there is space again', async () => {
  const script = runScript(FILL_AND_FREE(folder), { wrapper: withSmallDisk(join(folder, 'small'), '80m') });
  await script.exited;
  expect(script.output()).toBe(
    [
      'before: stored',
      'ENOSPC',
      'full: 53100 resources',
      'free: stored',
      'again: stored',
      'there: 22 of 22',
      'contradictions: ',
      '',
    ].join('\n'),
  );
});
