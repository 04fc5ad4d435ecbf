import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';

import { readConfig } from '../../src/config/config.ts';
import { archiveChecks } from '../../src/doctor/archive-checks.ts';
import { runChecks } from '../../src/doctor/check.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createClosing } from '../../src/services/running-service.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

/* What `doctor` says of an archive in an S3 store: in order, and with one thing wrong. */

const USERS = {
  archivist: ['s3:ListBucket', 's3:GetObject', 's3:PutObject', 's3:DeleteObject'],
  'may-not-write': ['s3:ListBucket', 's3:GetObject'],
  'may-not-read': ['s3:ListBucket', 's3:PutObject', 's3:DeleteObject'],
  'may-not-list': ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
} as const;

let s3: Versitygw;

beforeAll(async () => {
  s3 = await startVersitygw({ users: Object.keys(USERS) });
  expect((await s3.send({ method: 'PUT', path: '/archive' })).status).toBe(200);
  const Statement = Object.entries(USERS).map(([user, actions]) => ({
    ...{ Effect: 'Allow', Principal: { AWS: [user] }, Action: actions },
    Resource: ['arn:aws:s3:::archive', 'arn:aws:s3:::archive/*'],
  }));
  const body = JSON.stringify({ Version: '2012-10-17', Statement });
  const set = await s3.send({ method: 'PUT', path: '/archive', query: { policy: '' }, body });
  expect(set.status, set.body).toBeLessThan(300);
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await s3.stop();
});

async function examine(user: string, { bucket = 'archive', secret = s3.secretAccessKey } = {}) {
  // The library of the store reads them itself.
  vi.stubEnv('AWS_ACCESS_KEY_ID', user);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
  const config = readConfig({
    // Nothing asks PostgreSQL: that there is an owner says that this deployment archives.
    ...{ DATABASE_URL: 'postgres://nobody@127.0.0.1/x', DATABASE_OWNER_URL: 'postgres://nobody@127.0.0.1/x' },
    REMEDIATION_AUDIT_ARCHIVE_URL: `s3://${bucket}/audit`,
    ...{ REMEDIATION_AUDIT_S3_ENDPOINT: s3.endpoint, REMEDIATION_AUDIT_S3_REGION: s3.region },
    REMEDIATION_AUDIT_S3_PATH_STYLE: 'true',
  });
  const examined = { config, closing: createClosing(), logger: createLogger('silent', 'test') };
  return await runChecks(archiveChecks({ ...examined, nowMs: Date.now }), new AbortController().signal);
}

test('finds nothing wrong where it may list, read, write and delete, and leaves nothing there', async () => {
  expect(await examine('archivist')).toMatchObject([
    { check: 'archive read', state: 'ok' },
    { check: 'archive write', state: 'ok' },
  ]);
  const left = await s3.send({ method: 'GET', path: '/archive', query: { 'list-type': '2' } });
  expect(left.body).not.toContain('<Key>');
});

interface Fault {
  readonly fault: string;
  readonly user: keyof typeof USERS;
  readonly given?: { readonly bucket?: string; readonly secret?: string };
  readonly check: 'archive read' | 'archive write';
  readonly says: RegExp;
}

const DENIED = /Access ?Denied/i;
const [READ, WRITE] = ['archive read', 'archive write'] as const;

const FAULTS: readonly Fault[] = [
  {
    ...{ fault: 'the bucket is missing', user: 'archivist', given: { bucket: 'nowhere' } },
    ...{ check: READ, says: /NoSuchBucket|does not exist/ },
  },
  {
    ...{ fault: 'the secret is wrong', user: 'archivist', given: { secret: 'wrong' } },
    ...{ check: READ, says: /signature/i },
  },
  { fault: 'it may not list', user: 'may-not-list', check: READ, says: DENIED },
  { fault: 'it may not write', user: 'may-not-write', check: WRITE, says: DENIED },
  { fault: 'it may not read', user: 'may-not-read', check: WRITE, says: /cannot read .*Access ?Denied/i },
];

const REMEDIES = {
  [READ]: /check REMEDIATION_AUDIT_ARCHIVE_URL, REMEDIATION_AUDIT_S3_… and the credentials for s3:/,
  [WRITE]: /let the credentials of `work` write, read and delete at s3:/,
};

test.each(FAULTS)('names that alone: $fault', async ({ user, given, check, says }) => {
  const faults = (await examine(user, given)).filter(({ state }) => state === 'wrong');
  expect(faults.map((one) => one.check)).toEqual([check]);
  expect(faults[0]?.found).toMatch(says);
  expect(faults[0]?.remedy).toMatch(REMEDIES[check]);
});
