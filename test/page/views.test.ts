import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { branchesOf } from '../../dev/simulator/stories.ts';
import { instantOf } from '../../src/domain/instant.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import { REPORTS } from '../../src/query/reports/reports.ts';
import { DESKTOP, LOOKS } from '../support/browser/browser.ts';
import { expectSound, openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';
import { executionObservation } from '../support/observations.ts';
import { someOf } from '../support/soak.ts';

let world: PageWorld;

beforeAll(async () => {
  world = await PageWorld.create();
  for (const [index, branch] of branchesOf('G3').entries()) await world.recordStory(branch, 100 + index);
});
afterAll(() => world[Symbol.asyncDispose]());

const VIEWS = [
  '/',
  '/history',
  '/history?overall_phase=Failed',
  '/reports',
  '/reports/workflow-outcomes',
  '/retention',
];

describe.each(someOf(LOOKS, 2))('in $theme on a $device', (look) => {
  test.each(VIEWS)('%s has no fault', async (path) => {
    const view = await world.open(look);
    await openSound(view, path);
    await view.close();
  });
});

test('each remediation of the history has a page that says what happened', async () => {
  const view = await world.open(DESKTOP);
  const page = await openSound(view, '/history');
  const found = await page.locator('tbody th a').all();
  const links = await Promise.all(found.map((link) => link.getAttribute('href')));
  expect(links).not.toEqual([]);
  let heldBack = 0;
  for (const link of someOf(links, 16)) {
    await openSound(view, link ?? '');
    expect(await page.locator('#events + ol li').count(), link ?? '').toBeGreaterThan(0);
    // What is drawn is in the table, too: a screen reader has only that.
    const [bars, marks] = [page.locator('svg .chart-bar'), page.locator('svg .chart-block')];
    const rows = page.locator('section[aria-labelledby=phases] tbody th');
    expect((await bars.count()) + (await marks.count()), link ?? '').toBe(await rows.count());
    heldBack += await marks.count();
  }
  expect(heldBack).toBeGreaterThan(0);
  await view.close();
});

test('every report has a page', async () => {
  const view = await world.open(DESKTOP);
  for (const { name, title } of REPORTS) {
    const page = await openSound(view, `/reports/${name}?since=all`);
    expect(await page.locator('h1').textContent()).toBe(title);
  }
  await view.close();
});

test('a report about more than a week begins with a week, and shows all where asked', async () => {
  const longAgo = instantOf(Date.now() - 40 * DAY_MS);
  await world.record([
    executionObservation({
      ...{ table: 'ai_analysis_audit', key: naturalKey('ai-long-ago'), createdAt: longAgo },
      columns: { remediation_id: 'rr-long-ago', remediation_uid: 'rr-long-ago' },
    }),
  ]);
  const view = await world.open();
  const page = await openSound(view, '/reports/hallucination-trend');
  expect(await page.getByLabel('Since').inputValue()).toBe('7d');
  const itsRow = page.locator('tbody tr', { hasText: longAgo.slice(0, 10) });
  expect(await itsRow.count()).toBe(0);
  await page.getByRole('link', { name: 'show all' }).click();
  await page.waitForURL(/since=all/);
  await expectSound(view);
  expect(await itsRow.count()).toBe(1);
  expect(await page.getByRole('link', { name: 'show all' }).count()).toBe(0);
  await openSound(view, '/reports/success-rate-by-target');
  expect(await page.getByLabel('Since').inputValue()).toBe('7d');
  await openSound(view, '/reports/recent-failures');
  expect(await page.getByLabel('Since').inputValue()).toBe('');
  // Whoever asks for one workflow execution wants it however old it is.
  await openSound(view, '/reports/executions-of-workflow');
  expect(await page.getByLabel('Since').inputValue()).toBe('');
  await view.close();
});

test('a filter stands in the address, and back leads to the list before', async () => {
  const view = await world.open();
  const page = await openSound(view, '/history');
  const all = await page.locator('tbody tr').count();
  await page.getByText('Phase: any').click();
  await page.getByLabel('Failed', { exact: true }).check();
  await page.getByRole('button', { name: 'Show' }).click();
  await page.waitForURL(/overall_phase=Failed/);
  await expectSound(view);
  const failed = await page.locator('tbody tr').count();
  expect(failed).toBeGreaterThan(0);
  expect(failed).toBeLessThan(all);
  await page.goBack();
  expect(new URL(page.url()).search).toBe('');
  expect(await page.locator('tbody tr').count()).toBe(all);
  await view.close();
});
