import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, inject, test } from 'vitest';

import { openApiToken } from '../../dev/up/api-token.ts';
import { repositoryPath } from '../support/repository.ts';
import { createTestFolder } from '../support/test-folder.ts';
import { callApi } from '../support/up.ts';

const LIST = '/api/v1/audit/workflow-execution';
const HOLDS = '/api/v1/holds';

const up = inject('sharedUp');

/** As somebody types it in a terminal. */
function shell(line: string): unknown {
  return JSON.parse(execFileSync('bash', ['-c', line], { encoding: 'utf8' }));
}

describe('the API of npm start', () => {
  test.each([
    ['nobody in particular', {}],
    ['a page of another origin', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a page under the address of the API', { origin: 'http://127.0.0.1:8085' }],
    ['somebody with a token that was guessed', { authorization: `Bearer ${'a'.repeat(43)}` }],
  ])('answers %s nothing, and takes nothing of it', async (_who, given) => {
    const headers = { ...given, 'content-type': 'application/json' };
    const body = JSON.stringify({ namespace: 'payments', reason: 'page' });
    const posted = await fetch(up.endpoints.api + HOLDS, { method: 'POST', headers, body });
    expect(posted.status).toBe(401);
    expect((await fetch(up.endpoints.api + LIST, { headers: given })).status).toBe(401);
    expect(await (await callApi(up.endpoints, HOLDS)).json()).toEqual({ items: [] });
  });

  test('answers with the token, which only its owner can read', async () => {
    expect((await callApi(up.endpoints, LIST)).status).toBe(200);
    const file = join(up.dataDir, 'api-token');
    expect(readFileSync(file, 'utf8')).toBe(up.endpoints.token);
    for (const path of [file, join(up.dataDir, 'tokens.json')])
      expect(statSync(path).mode & 0o777, path).toBe(0o600);
  });

  test('answers each line with curl that is printed, as it is printed', () => {
    const lines = [...up.output.matchAll(/^ {2}.*? (curl .*)$/gm)].map(([, line = '']) => line);
    expect(lines).toHaveLength(2);
    for (const line of lines)
      expect(shell(line.replace('curl', 'curl --silent --fail'))).toBeTypeOf('object');
    expect(up.output).toContain(`${up.endpoints.api}/docs#token=${up.endpoints.token}`);
  });

  test('says where the page is, which takes the token that is named', async () => {
    const [, address = '', file = ''] =
      /^ {2}Page {11}(\S+); it asks once for the token in (\S+)$/m.exec(up.output) ?? [];
    expect(address).toBe(`${up.endpoints.api}/`);
    const asked = await fetch(address);
    expect([asked.status, await asked.text()]).toEqual([401, expect.stringContaining('Sign in')]);
    const body = new URLSearchParams({ token: readFileSync(file, 'utf8'), to: '/' });
    const signed = await fetch(new URL('/sign-in', address), { method: 'POST', body, redirect: 'manual' });
    const [cookie = ''] = (signed.headers.get('set-cookie') ?? '').split(';');
    const page = await fetch(address, { headers: { cookie } });
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<h1>')]);
  });

  test('answers each line with curl of the README', () => {
    const readme = readFileSync(repositoryPath('README.md'), 'utf8');
    const lines = [...readme.matchAll(/^curl .*$/gm)].map(([line]) => line);
    expect(lines).toHaveLength(2);
    const here = (line: string) =>
      line
        .replace('curl', 'curl --silent')
        .replace('.data/', `${up.dataDir}/`)
        .replace('http://127.0.0.1:8085', up.endpoints.api);
    expect(shell(here(lines[0] ?? ''))).toMatchObject({ items: expect.any(Array) as unknown });
    // Nobody has the name that stands there; a caller without a token would not learn that.
    expect(shell(here(lines[1] ?? ''))).toMatchObject({ status: 404 });
  });
});

test('the token stays for the next start, and one that others could read does not', async () => {
  const folder = await createTestFolder();
  const own = folder.path;
  const { token } = await openApiToken(own);
  expect((await openApiToken(own)).token).toBe(token);
  chmodSync(join(own, 'api-token'), 0o644);
  const again = await openApiToken(own);
  expect(again.token).not.toBe(token);
  expect(statSync(join(own, 'api-token')).mode & 0o777).toBe(0o600);
  await folder.remove();
});
