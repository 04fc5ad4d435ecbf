import { afterAll, beforeAll, expect, test } from 'vitest';

import { naturalKey } from '../../src/domain/observation.ts';
import { LOOKS } from '../support/browser/browser.ts';
import { openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';
import { executionObservation } from '../support/observations.ts';
import { someOf } from '../support/soak.ts';

/** What a stranger may write into a field. */
const HOSTILE =
  '</td></table><script>window.hostile = true</script><img src=x onerror="window.hostile = true">\u202e\0';
const ONE = '/remediations/test/payments/rr-1';
let world: PageWorld;

beforeAll(async () => {
  world = await PageWorld.create();
  for (const [version, overallPhase, message] of [
    ['1', 'Pending', 'begun'],
    ['2', 'Executing', HOSTILE],
    ['3', 'Completed', 'x'.repeat(100_000)],
  ] as const)
    await world.record([
      executionObservation({
        ...{ table: 'remediation_audit', phase: 'progress', key: naturalKey('rr-1'), sourceVersion: version },
        observedAt: `2026-11-21T10:00:0${version}.000000Z`,
        columns: {
          ...{ remediation_id: 'rr-1', remediation_uid: 'rr-1', namespace: 'payments', verdict: 'terminal' },
          ...{ overall_phase: overallPhase, failure_reason: message },
        },
      }),
    ]);
});
afterAll(() => world[Symbol.asyncDispose]());

test.each(someOf(LOOKS, 2))(
  'any two observations are chosen and compared, in $theme on a $device',
  async (look) => {
    const view = await world.open(look);
    const page = await openSound(view, ONE);
    const link = page.getByRole('link', { name: 'What differs between two observations' });
    await openSound(view, (await link.getAttribute('href')) ?? '');
    await page.getByRole('radio', { name: /^from .*version 1$/ }).check();
    await page.getByRole('radio', { name: /^to .*version 2$/ }).check();
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.waitForURL(/from=/);
    const { pathname, search } = new URL(page.url());
    await openSound(view, `${pathname}${search}`);
    const table = await page.locator('section[aria-labelledby=difference] tbody').innerText();
    expect(table).toContain('Pending');
    expect(table).toContain('Executing');
    expect(table).toContain('<script>window.hostile');
    expect(await page.evaluate('window.hostile')).toBeUndefined();
    // Its answer is that of the API.
    const api = await fetch(`${world.url}/api/v1${pathname.replace('/differences', '/diff')}${search}`);
    const { items } = (await api.json()) as { items: { path: string }[] };
    expect(await page.locator('section[aria-labelledby=difference] tbody th').allInnerTexts()).toEqual(
      items.map(({ path }) => path),
    );
    await view.close();
  },
);

test('it works without a script, and says what cannot be compared', async () => {
  const view = await world.open(undefined, { javaScriptEnabled: false });
  const { page } = view;
  await page.goto(`${ONE}/differences`);
  await page.getByRole('button', { name: 'Compare' }).click();
  // The last two are chosen at first.
  expect(await page.locator('section[aria-labelledby=difference] tbody').innerText()).toContain('Completed');
  for (const [query, status] of [
    ['?from=x&to=y', 400],
    ['?record=%00', 400],
    [`?record=0f3c5bd4-6b6f-4d0f-9a62-2a39a8a1a7f5&from=${'0'.repeat(64)}&to=${'0'.repeat(64)}`, 404],
  ] as const)
    expect((await page.goto(`${ONE}/differences${query}`))?.status(), query).toBe(status);
  await view.close();
});
