import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { branchesOf } from '../../dev/simulator/stories.ts';
import { REPORTS } from '../../src/query/reports/reports.ts';
import { DESKTOP, LOOKS } from '../support/browser/browser.ts';
import { expectSound, openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';

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

describe.each(LOOKS)('in $theme on a $device', (look) => {
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
  for (const link of links) {
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
