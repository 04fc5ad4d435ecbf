import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { Page, Response } from 'playwright-core';
import { expect } from 'vitest';

import type { View } from './browser.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** WCAG 2.2, levels A and AA. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Opens an address and checks everything that must be true of every view. */
export async function openSound(view: View, path: string, status = 200): Promise<Page> {
  const response = await view.page.goto(path);
  expect(response?.status(), `${path} is answered`).toBe(status);
  expect(policyFaults(response)).toEqual([]);
  // A browser reports the status of a page that says what is wrong as an error of its own.
  const own = status >= 400 ? `status of ${status}` : undefined;
  expect(
    (await faultsOf(view)).filter((fault) => own === undefined || !fault.includes(own)),
    path,
  ).toEqual([]);
  return view.page;
}

/** No error, no request to another host, nothing that WCAG 2.2 AA forbids, nothing wider than the screen. */
export async function expectSound(view: View): Promise<void> {
  expect(await faultsOf(view), view.page.url()).toEqual([]);
}

export async function faultsOf({ page, faults }: View): Promise<readonly string[]> {
  const overflow = await overflowIn(page);
  return [
    ...faults,
    ...(await violationsIn(page)),
    ...(overflow === 0 ? [] : [`the page is ${overflow} pixels wider than the screen`]),
  ];
}

/** What is wrong with the policy that a page comes with; its scripts and styles are files of the service. */
export function policyFaults(response: Response | null): readonly string[] {
  const policy = response?.headers()['content-security-policy'] ?? '';
  return [
    ...(/default-src 'none'/.test(policy) ? [] : [`not everything is forbidden at first: ${policy}`]),
    ...(/unsafe-|https?:|\*/.test(policy) ? [`too much is allowed: ${policy}`] : []),
  ];
}

interface AxeViolation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** One line for each element at fault. The script comes in through the debugger: the page's policy lets no other in. */
async function violationsIn(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  const violations = await page.evaluate<readonly AxeViolation[]>(
    `axe.run(document, { runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) => violations)`,
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${help}: ${html} ${failureSummary.slice(0, 300)}`),
  );
}

/** By how many pixels the document is wider than the screen. Tables scroll in a frame of their own. */
function overflowIn(page: Page): Promise<number> {
  return page.evaluate(
    'Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)',
  );
}
