import { randomUUID } from 'node:crypto';

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { EmbeddingStore } from '../../src/database/embeddings/embedding-store.ts';
import { createEmbeddingStore } from '../../src/database/embeddings/embedding-store.ts';
import { placeHold } from '../../src/database/holds/holds.ts';
import { naturalKey, type Observation } from '../../src/domain/observation.ts';
import { createOfflineEmbedder } from '../../src/embedding/offline-embedder.ts';
import { DESKTOP, LOOKS, PHONE } from '../support/browser/browser.ts';
import { expectSound, openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';
import { inTheWay } from '../support/kubectl-plugin.ts';
import { executionObservation } from '../support/observations.ts';
import { someOf } from '../support/soak.ts';

/* The view of one remediation: all that the API knows of it, and why something is not there. */

let world: PageWorld;
let approved: string;
let blocked: string;

const UID = randomUUID();
const AT = '2026-09-02T10:00:00.000000Z';

/** A remediation of a node, which has no namespace, and of an alert that came back. */
function ofNode(name: string, uid: string, createdAt: string): Observation {
  return executionObservation({
    ...{ table: 'remediation_audit', cluster: 'G3', phase: 'closure', key: naturalKey(uid), createdAt },
    columns: {
      ...{ remediation_id: name, remediation_uid: uid, target_kind: 'Node', target_name: 'worker-1' },
      ...{ signal_fingerprint: 'f'.repeat(64), verdict: 'terminal', overall_phase: 'Completed' },
      ...{ pre_remediation_spec_hash: 'aaa', post_remediation_spec_hash: 'bbb', current_spec_hash: 'ccc' },
      ...{ started_at: createdAt, completed_at: createdAt },
    },
  });
}

beforeAll(async () => {
  world = await PageWorld.create();
  approved = await world.recordStory('approval-granted', 20);
  blocked = await world.recordStory('blocked-resource-busy', 9);
  await world.record(await inTheWay(world.database));
  await world.record([
    ofNode('rr-node', UID, AT),
    ofNode('rr-node-again', randomUUID(), '2026-09-03T10:00:00.000000Z'),
  ]);
  await world.database.owner.query(
    `insert into watched_cluster (cluster, first_watched_at) values ('G3', '2026-09-02T12:00:00Z')`,
  );
});
afterAll(() => world[Symbol.asyncDispose]());

const address = (name: string): string => `/remediations/G3/kubernaut-system/${name}`;
const NODE = '/remediations/G3//rr-node';

/** The text of a section, which its heading names. */
function section(page: Page, id: string): Promise<string> {
  return page.locator(`section[aria-labelledby=${id}]`).innerText();
}

describe.each(someOf(LOOKS, 2))('in $theme on a $device', (look) => {
  test.each(['approved', 'blocked', 'without a namespace'])('one that is %s has no fault', async (which) => {
    const view = await world.open(look);
    const path = { approved: address(approved), blocked: address(blocked) }[which] ?? NODE;
    await openSound(view, path);
    await view.close();
  });
});

test('a block links to the remediation that was in the way, and back leads to the block', async () => {
  const view = await world.open();
  const page = await openSound(view, address(blocked));
  expect(await section(page, 'blocks')).toMatch(/ResourceBusy[^]*In the way: execution we-rr-/);
  await page.getByRole('link', { name: 'The other remediation, rr-in-the-way' }).click();
  await page.waitForURL(/rr-in-the-way\?uid=/);
  await expectSound(view);
  await page.goBack();
  expect(new URL(page.url()).pathname).toBe(address(blocked));
  await view.close();
});

test('one without a namespace has a link that leads to it, in every list', async () => {
  const view = await world.open();
  const page = await openSound(view, '/history?target_name=worker-1');
  await page.getByRole('link', { name: 'Node/worker-1' }).first().click();
  await page.waitForURL(/\/remediations\/G3\/\/rr-node-again\?uid=/);
  expect(await page.locator('h1').innerText()).toBe('Node/worker-1');
  // Its predecessor is an earlier one of the target.
  await page.locator('section[aria-labelledby=earlier] a').first().click();
  await page.waitForURL(new RegExp(`${NODE}\\?uid=${UID}`));
  await expectSound(view);
  await view.close();
});

test('whether it helped is said with the hashes of the target and the alert that came back', async () => {
  const view = await world.open(PHONE);
  const page = await openSound(view, NODE);
  const effect = await section(page, 'effect');
  expect(effect).toContain('the remediation changed the target; it was changed again before it was verified');
  await page.locator('section[aria-labelledby=effect] a').click();
  await page.waitForURL(/rr-node-again/);
  expect(await section(page, 'effect')).toContain('no later remediation of this alert is recorded');
  await view.close();
});

describe('coverage', () => {
  test('says from when on it was watched, which gaps are about it, and that nothing is held', async () => {
    const view = await world.open();
    const page = await openSound(view, NODE);
    const text = await section(page, 'coverage');
    expect(text).toMatch(/Cluster watched\s+from 2026-09-02 12:00:00 UTC/);
    expect(text).toContain('It began before the cluster was watched');
    expect(text).toMatch(/No gap is about it/);
    expect(text).toMatch(/No active hold covers it/);
    await view.close();
  });

  test('names the gap, and the hold with its reason', async () => {
    const uid = randomUUID();
    const columns = {
      remediation_id: 'rr-lost',
      remediation_uid: uid,
      namespace: 'x',
      target_namespace: 'held',
    };
    await world.record([
      executionObservation({
        ...{ table: 'remediation_audit', cluster: 'never-watched', phase: 'closure', key: naturalKey(uid) },
        columns: { ...columns, verdict: 'deleted-before-terminal', final_state_unknown: true },
      }),
    ]);
    const { owner } = world.database;
    await placeHold(owner, { namespace: 'held' }, { by: 'legal', reason: 'Case 7 <b>' });
    await placeHold(owner, { namespace: 'elsewhere' }, { by: 'legal', reason: 'Case 8' });
    const view = await world.open();
    const page = await openSound(view, '/remediations/never-watched/x/rr-lost');
    const text = await section(page, 'coverage');
    expect(text).toMatch(/never: only what was posted/);
    expect(text).toContain('final-state-unknown');
    expect(text).toContain('Case 7 <b>');
    expect(text).not.toContain('Case 8');
    // As the API says it.
    const api = await fetch(`${world.url}/api/v1/remediations/never-watched/x/rr-lost/coverage`);
    expect(await api.json()).toMatchObject({
      first_watched_at: null,
      gaps: [{ reason: 'final-state-unknown', remediation_uid: uid }],
      holds: [{ reason: 'Case 7 <b>', namespace: 'held' }],
    });
    await view.close();
  });
});

test('each part says where it was read', async () => {
  const view = await world.open();
  const text = await section(await openSound(view, address(approved)), 'source');
  expect(text).toMatch(/Remediation\s+1, from the database/);
  expect(text).toMatch(/workflow executions\s+1 from the database/);
  expect(text).toMatch(/Each month that may have something of it was searched/);
  await view.close();
});

test('similar investigations are listed, or the page says why not', async () => {
  const view = await world.open();
  const page = await openSound(view, address(approved));
  expect(await section(page, 'similar')).toMatch(/no investigation of fingerprint \S+ is known to model/);
  await embedAll(createEmbeddingStore(world.database.writer));
  await page.reload();
  expect(await section(page, 'similar')).toMatch(/similarity \d\.\d{3}/);
  await page.getByRole('link', { name: /^the remediation of this investigation/ }).click();
  await page.waitForURL(/\/history\?remediation_uid=/);
  expect(await page.locator('tbody tr').count()).toBe(1);
  await view.close();
});

async function embedAll(store: EmbeddingStore): Promise<void> {
  const embedder = createOfflineEmbedder();
  const { rows } = await world.database.owner.query<{ id: string; at: string }>(
    `select id, created_at::text as at from ai_analysis_audit`,
  );
  for (const { id, at } of rows) {
    const text = await store.selectUnembedded(id, at, embedder.model);
    if (text === undefined) continue;
    const [vector = []] = await embedder.embed([text.text]);
    await store.upsert(text, embedder.model, vector);
  }
}

test('every link of the page leads somewhere', async () => {
  const view = await world.open(DESKTOP);
  const { page } = view;
  const links = new Set<string>();
  for (const path of [address(approved), address(blocked), NODE]) {
    await page.goto(path);
    const found = await page.locator('main a').all();
    for (const link of found) links.add(new URL((await link.getAttribute('href')) ?? '', page.url()).href);
  }
  expect(links.size).toBeGreaterThan(5);
  for (const link of links) expect((await fetch(link)).status, link).toBe(200);
  await view.close();
});

test.each([
  ['a name of 500 characters', 'x'.repeat(500), 404],
  ['a name of 500 characters that are no ASCII', '\u{1f680}'.repeat(500), 404],
  ['a NUL', 'a\0b', 404],
  ['markup', '<script>window.hostile = true</script>', 404],
])('an address with %s is answered as a page', async (_, name, status) => {
  const view = await world.open(PHONE);
  const path = `/remediations/G3/kubernaut-system/${encodeURIComponent(name)}`;
  const page = await openSound(view, path, status);
  expect(await page.locator('h1').innerText()).toBe('There is nothing at this address');
  expect(await page.evaluate('window.hostile')).toBeUndefined();
  await view.close();
});
