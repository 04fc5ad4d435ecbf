import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { View } from '../support/browser/browser.ts';
import { openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';
import { inTheWay, STUCK } from '../support/kubectl-plugin.ts';

/* The questions of whoever is on call, each answered by one page, on what the simulator's remediations leave in the database. */

let world: PageWorld;
let view: View;
let names: Record<'approved' | 'failed' | 'skipped' | 'inconclusive' | 'deleted' | 'blocked', string>;

beforeAll(async () => {
  world = await PageWorld.create();
  names = {
    approved: await world.recordStory('approval-granted', 20),
    failed: await world.recordStory('execution-failed', 3),
    skipped: await world.recordStory('duplicate-remediated', 5),
    inconclusive: await world.recordStory('verification-inconclusive', 8),
    deleted: await world.recordStory('cancelled-by-deletion', 7),
    blocked: await world.recordStory('blocked-resource-busy', 9),
  };
  await world.record([STUCK, ...(await inTheWay(world.database))]);
  await world.database.owner.query(
    `insert into watched_cluster (cluster, first_watched_at) values ('G3', '2026-08-01')`,
  );
  view = await world.open();
});
afterAll(() => world[Symbol.asyncDispose]());

const open = (path: string): Promise<Page> => openSound(view, path);
const remediation = (name: string): Promise<Page> => open(`/remediations/G3/kubernaut-system/${name}`);

async function section(name: string, id: string): Promise<string> {
  return (await remediation(name)).locator(`section[aria-labelledby=${id}]`).innerText();
}

test('what happened to this target in the last hour', async () => {
  // The stories are of one day; an hour of it is the same question as the last one.
  const page = await open(
    '/history?target_namespace=orders&target_kind=StatefulSet&target_name=orders&since=2026-09-01T08:30:00Z&until=2026-09-01T09:30:00Z',
  );
  const rows = await page.locator('tbody tr').allInnerTexts();
  expect(rows.join('\n')).toMatch(
    /orders\/StatefulSet\/orders\s+✓ Completed: Remediated\s+KubePersistentVolumeFillingUp/,
  );
  for (const row of rows) expect(row).toContain('orders/StatefulSet/orders');
});

test('why was it skipped, and by which other', async () => {
  expect(await section(names.skipped, 'blocks')).toMatch(
    /DuplicateInProgress[^]*Duplicate of rr-\S+ \(no record of it was found\)/,
  );
  expect(await section(names.blocked, 'blocks')).toMatch(
    /ResourceBusy[^]*execution we-rr-\S+ \(The other remediation, rr-in-the-way\)/,
  );
});

test('who approved', async () => {
  const text = await section(names.approved, 'decided');
  expect(text).toMatch(/Decision\s+Approved/);
  expect(text).toMatch(/By\s+dana@example\.com/);
  expect(text).toMatch(/How that is known\s+the resource says so itself/);
});

test('how long did each phase take', async () => {
  const text = await section(names.approved, 'phases');
  expect(text).toMatch(
    /Analyzing\s+2m7s[^]*AwaitingApproval\s+2m8s[^]*Executing\s+2m43s[^]*Verifying\s+6m7s/,
  );
});

test('did it help', async () => {
  const helped = await section(names.approved, 'effect');
  expect(helped).toMatch(/Outcome\s+Remediated/);
  expect(helped).toMatch(/Alert score\s+1/);
  expect(helped).toMatch(/Did the alert come back\s+no later remediation of this alert/);
  expect(helped).toMatch(/What the hashes say\s+the remediation changed the target/);
  expect(await section(names.inconclusive, 'effect')).toMatch(/Outcome\s+Inconclusive/);
});

test('is anything missing', async () => {
  expect(await section(names.approved, 'source')).toContain('Nothing is known to be missing.');
  expect(await section(names.deleted, 'source')).toContain('it was deleted before it ended');
  const now = await open('/');
  expect(await now.getByRole('list', { name: 'Clusters' }).innerText()).toMatch(
    /G3 Unknown: no watcher has reported on this cluster\.?\s+watched from 2026-08-01/,
  );
});

test('what is stuck now', async () => {
  const page = await open('/');
  const text = await page.locator('section[aria-labelledby=stuck]').innerText();
  expect(text).toMatch(/overdue\s+G3\/kubernaut-system\/rr-stuck/);
  await page.getByRole('link', { name: 'checkout/Deployment/cart' }).first().click();
  await page.waitForURL(/rr-stuck\?uid=/);
});

test('which workflow fails most', async () => {
  const page = await open('/reports/workflow-outcomes?since=3650d');
  const first = await page.locator('tbody tr').first().innerText();
  expect(first).toContain('compact-and-expand-volume');
});

test('what did the AI say', async () => {
  const text = await section(names.approved, 'why');
  expect(text).toMatch(/Cause\s+Growth is steady at 1.1Gi an hour; the storage class allows expansion\./);
  expect(text).toMatch(/Confidence\s+0\.93/);
  expect(await section(names.approved, 'workflows')).toMatch(/Recommended\s+compact-and-expand-volume/);
  expect(text).toMatch(/Only notifies the owner/);
});

test('what was asked most is a link of the first page', async () => {
  for (const [name, address] of [
    ['of the last hour', '/history?since=1h'],
    ['deleted before they ended', '/history?verdict=deleted-before-terminal'],
    ['which workflow fails most', '/reports/workflow-outcomes'],
  ] as const) {
    const page = await open('/');
    await page.getByRole('link', { name }).click();
    await page.waitForURL(`**${address}*`);
    expect(await page.locator('h1').innerText()).not.toBe('');
  }
});

test('what was deleted before it ended', async () => {
  const page = await open('/history?verdict=deleted-before-terminal');
  const links = await page.locator('tbody th a').all();
  expect(await Promise.all(links.map((link) => link.getAttribute('href')))).toEqual([
    expect.stringContaining(`/remediations/G3/kubernaut-system/${names.deleted}?uid=`),
  ]);
});
