import { createHash } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

/** What the archive relies on, asked of the server it is tested against: a kinder one would prove nothing. */
let s3: Versitygw;

beforeAll(async () => {
  s3 = await startVersitygw();
});

afterAll(async () => {
  await s3.stop();
});

const base64Sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');

async function createBucket(name: string, headers: Record<string, string> = {}): Promise<void> {
  expect((await s3.send({ method: 'PUT', path: `/${name}`, headers })).status).toBe(200);
}

test('an object that was put is read back', async () => {
  await createBucket('read-back');
  const path = '/read-back/2026/03/part-1.parquet';
  expect((await s3.send({ method: 'PUT', path, body: 'rows' })).status).toBe(200);
  expect(await s3.send({ method: 'GET', path })).toMatchObject({ status: 200, body: 'rows' });
});

test('a request signed with a wrong secret is refused', async () => {
  await createBucket('refused');
  const path = '/refused/object';
  const answer = await s3.send({ method: 'PUT', path, body: 'rows', secretAccessKey: 'wrong' });
  expect(answer.status).toBe(403);
  expect(answer.body).toContain('SignatureDoesNotMatch');
  expect((await s3.send({ method: 'GET', path })).status).toBe(404);
});

test('an object whose checksum is wrong is refused', async () => {
  await createBucket('checksums');
  const path = '/checksums/object';
  const put = (sum: string): ReturnType<Versitygw['send']> =>
    s3.send({ method: 'PUT', path, body: 'rows', headers: { 'x-amz-checksum-sha256': sum } });
  expect((await put(base64Sha256('other rows'))).status).toBe(400);
  expect((await put(base64Sha256('rows'))).status).toBe(200);
});

test('an object that exists is not overwritten under If-None-Match', async () => {
  await createBucket('conditional');
  const path = '/conditional/manifest.json';
  const put = (body: string): ReturnType<Versitygw['send']> =>
    s3.send({ method: 'PUT', path, body, headers: { 'If-None-Match': '*' } });
  expect((await put('first')).status).toBe(200);
  expect((await put('second')).status).toBe(412);
  expect((await s3.send({ method: 'GET', path })).body).toBe('first');
});

test('a version under a compliance lock cannot be deleted', async () => {
  await createBucket('locked', { 'x-amz-bucket-object-lock-enabled': 'true' });
  const path = '/locked/part-1.parquet';
  const until = new Date(Date.now() + 60 * 60_000).toISOString();
  const put = await s3.send({
    method: 'PUT',
    path,
    body: 'rows',
    headers: {
      'x-amz-object-lock-mode': 'COMPLIANCE',
      'x-amz-object-lock-retain-until-date': until,
      'content-md5': createHash('md5').update('rows').digest('base64'),
    },
  });
  expect(put.status).toBe(200);
  const versionId = String(put.headers['x-amz-version-id']);
  expect((await s3.send({ method: 'DELETE', path, query: { versionId } })).status).toBe(403);
  expect((await s3.send({ method: 'GET', path, query: { versionId } })).body).toBe('rows');
});
