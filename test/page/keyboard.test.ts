import { randomUUID } from 'node:crypto';

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { naturalKey } from '../../src/domain/observation.ts';
import { openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';
import { executionObservation } from '../support/observations.ts';

/*
 * The page without a mouse, its pages of a list, and the files it offers.
 */

const NUMBER = 120;
let world: PageWorld;

beforeAll(async () => {
  world = await PageWorld.create();
  await world.record(
    Array.from({ length: NUMBER }, (_, index) => {
      const uid = randomUUID();
      return executionObservation({
        ...{ table: 'remediation_audit', phase: 'closure', key: naturalKey(uid) },
        createdAt: `2026-11-05T10:${String(Math.floor(index / 60)).padStart(2, '0')}:${String(index % 60).padStart(2, '0')}.000000Z`,
        columns: {
          ...{ remediation_id: `rr-${index}`, remediation_uid: uid, target_name: `worker-${index}` },
          ...{ verdict: 'terminal', overall_phase: index % 2 === 0 ? 'Completed' : 'Failed' },
        },
      });
    }),
  );
});
afterAll(() => world[Symbol.asyncDispose]());

/** What has the focus, whether it can be seen, and whether something shows that it has it. */
interface Focused {
  readonly text: string;
  readonly isMarked: boolean;
  readonly isVisible: boolean;
}

function focused(page: Page): Promise<Focused> {
  return page.evaluate<Focused>(`(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return {
      text: (element.getAttribute('name') ?? element.textContent).trim().slice(0, 40),
      isMarked: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
      isVisible: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
    };
  })()`);
}

test('every control is reached by Tab, in the order in which it is read, and is seen to be', async () => {
  const view = await world.open();
  const page = await openSound(view, '/history');
  const wanted = await page.evaluate<
    string[]
  >(`[...document.querySelectorAll('a, input, select, button, summary')]
    .filter((element) => element.checkVisibility())
    .map((element) => (element.getAttribute('name') ?? element.textContent).trim().slice(0, 40))`);
  const reached: string[] = [];
  while (reached.length < wanted.length) {
    await page.keyboard.press('Tab');
    const { text, isMarked, isVisible } = await focused(page);
    expect({ text, isMarked, isVisible }).toEqual({ text, isMarked: true, isVisible: true });
    reached.push(text);
  }
  expect(reached).toEqual(wanted);
  expect(reached[0]).toBe('Skip to the content');
  await view.close();
});

test('the first link leads past the navigation', async () => {
  const view = await world.open();
  const page = await openSound(view, '/history');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  expect((await focused(page)).text).toBe('since');
  await view.close();
});

test('a filter is set, applied and taken away with the keyboard alone', async () => {
  const view = await world.open();
  const page = await openSound(view, '/history');
  await page.getByLabel('Target', { exact: true }).focus();
  await page.keyboard.type('worker-7, worker-8');
  await page.keyboard.press('Enter');
  await page.waitForURL(/target_name=worker-7/);
  expect(await page.locator('tbody tr').count()).toBe(2);
  expect(await page.getByLabel('Target', { exact: true }).inputValue()).toBe('worker-7, worker-8');
  await page.getByRole('link', { name: 'Remove the filter Target: worker-7' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.search === '?target_name=worker-8');
  expect(await page.locator('tbody tr').count()).toBe(1);
  await view.close();
});

test('pages lead through the whole list and back, and keep the filter, without any script', async () => {
  const view = await world.open(undefined, { javaScriptEnabled: false });
  const { page } = view;
  await page.goto('/history?overall_phase=Failed');
  const first = await page.locator('tbody').innerText();
  expect(await page.locator('tbody tr').count()).toBe(50);
  await page.getByRole('link', { name: 'Next page' }).click();
  await page.waitForURL(/overall_phase=Failed&cursor=/);
  expect(await page.locator('tbody tr').count()).toBe(NUMBER / 2 - 50);
  expect(await page.getByText('This is the end of the list.').count()).toBe(1);
  await page.goBack();
  expect(await page.locator('tbody').innerText()).toBe(first);
  await page.goForward();
  await page.getByRole('link', { name: 'First page' }).click();
  await page.waitForURL((url) => url.search === '?overall_phase=Failed');
  expect(await page.locator('tbody').innerText()).toBe(first);
  await view.close();
});

test.each([
  ['csv', 'text/csv'],
  ['ndjson', 'application/x-ndjson'],
])('the history as %s is what the API answers', async (format, accept) => {
  const query = 'overall_phase=Failed&order=oldest';
  const file = await fetch(`${world.url}/history.${format}?${query}&cluster=`);
  const api = await fetch(`${world.url}/api/v1/remediations?${query}&limit=1000`, { headers: { accept } });
  expect(file.headers.get('content-disposition')).toBe(`attachment; filename="remediations.${format}"`);
  const text = await file.text();
  expect(text).toBe(await api.text());
  expect(text.split('\n').length).toBeGreaterThan(NUMBER / 2);
});
