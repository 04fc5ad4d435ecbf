import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Gate } from '../../src/api/auth/gate.ts';
import { createTokenGate } from '../../src/api/auth/token-gate.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { LOOKS } from '../support/browser/browser.ts';
import { expectSound, openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';
import { executionObservation } from '../support/observations.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const READER = 'reader-token-of-the-page-0000000000000000000';
let folder: TestFolder;
let gate: Gate;
let world: PageWorld;

beforeAll(async () => {
  folder = await createTestFolder();
  const sha256 = createHash('sha256').update(READER).digest('hex');
  await writeFile(folder.file('tokens.json'), JSON.stringify([{ name: 'dana', role: 'admin', sha256 }]));
  gate = await createTokenGate(folder.file('tokens.json'), createLogger('silent', 'test'));
  world = await PageWorld.create(() => ({ gate, authMode: 'token' }));
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await gate.close();
  await folder.remove();
});

test.each(LOOKS)('whoever is not known is asked for a token, in $theme on a $device', async (look) => {
  const view = await world.open(look);
  const page = await openSound(view, '/history', 401);
  expect(await page.locator('h1').innerText()).toBe('Sign in');
  await view.close();
});

test('a token leads to the page that was wanted, stays out of scripts, and is forgotten on request', async () => {
  const view = await world.open();
  const { page } = view;
  await page.goto('/history?overall_phase=Failed');
  await page.getByLabel('Token').fill(READER);
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.search === '?overall_phase=Failed');
  await page.getByRole('heading', { name: 'History' }).waitFor();
  expect(await page.evaluate('document.cookie')).toBe('');
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', expires: -1 });
  await page.getByRole('link', { name: 'Reports' }).click();
  await page.getByRole('heading', { name: 'Reports' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await page.context().cookies()).toEqual([]);
  await view.close();
});

test('who signed in is shown what is recorded from then on', async () => {
  const view = await world.open();
  const { page } = view;
  await page.goto('/');
  await page.getByLabel('Token').fill(READER);
  await page.keyboard.press('Enter');
  await page.locator('#live').getByText('Live updates are on').waitFor();
  const columns = { remediation_id: 'rr-live', remediation_uid: 'rr-live', namespace: 'payments' };
  const open = { overall_phase: 'Executing', verdict: 'open', target_name: 'checkout' };
  await world.record([
    executionObservation({
      ...{ table: 'remediation_audit', phase: 'progress', key: naturalKey('rr-live') },
      columns: { ...columns, ...open },
    }),
  ]);
  await page.locator('main').getByText('checkout').first().waitFor();
  await view.close();
});

test('a wrong token is asked for again', async () => {
  const view = await world.open();
  const { page } = view;
  await page.goto('/');
  await page.getByLabel('Token').fill('a-wrong-token-that-is-long-enough-to-be-one');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await view.close();
});

test('the page shows who is signed in nothing that is at fault', async () => {
  const view = await world.open();
  await view.page.context().addCookies([{ name: 'remediation-audit-token', value: READER, url: world.url }]);
  await openSound(view, '/');
  await expectSound(view);
  await view.close();
});

test('the cookie opens no route of the API, and changes nothing', async () => {
  const cookie = `remediation-audit-token=${READER}`;
  const api = await fetch(`${world.url}/api/v1/remediations`, { headers: { cookie } });
  expect(api.status).toBe(401);
  const hold = {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json' },
    body: '{"reason":"x","namespace":"y"}',
  };
  expect((await fetch(`${world.url}/api/v1/holds`, hold)).status).toBe(401);
});

function signIn(body: string, headers: Record<string, string> = {}): Promise<Response> {
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return fetch(`${world.url}/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { ...type, ...headers },
    body,
  });
}

test.each([
  '//evil.example/x',
  '/\\evil.example',
  'https://evil.example',
  '\t//evil.example',
  'javascript:alert(1)',
])('signing in leads never to %s', async (to) => {
  const answer = await signIn(new URLSearchParams({ token: READER, to }).toString());
  expect(answer.status).toBe(303);
  expect(answer.headers.get('location')).toMatch(/^\/(?:$|[a-z])/);
});

test('a page of another origin signs nobody in', async () => {
  const answer = await signIn(`token=${READER}`, { 'sec-fetch-site': 'cross-site' });
  expect(answer.status).toBe(403);
  expect(answer.headers.get('set-cookie')).toBeNull();
});

test('what cannot be a token is refused', async () => {
  expect((await signIn(`token=${'x'.repeat(5_000)}`)).status).toBe(400);
  expect((await signIn('token=a%0d%0aset-cookie: b')).status).toBe(400);
});
