import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { naturalKey } from '../../src/domain/observation.ts';
import type { RecordDefinition } from '../../src/domain/records/definition.ts';
import type { Columns } from '../../src/domain/records/definition.ts';
import { observedColumns } from '../../src/domain/records/definition.ts';
import { remediationAudit } from '../../src/domain/records/remediation-audit.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { LOOKS } from '../support/browser/browser.ts';
import { openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';
import { executionObservation } from '../support/observations.ts';
import { someOf } from '../support/soak.ts';

/** What models, alerts and strangers may write into any field. */
const HOSTILE = {
  markup:
    '</td></table><script>window.hostile = true</script><img src=x onerror="window.hostile = true"><h1>Owned',
  attribute: `" onmouseover="window.hostile = true" x='`,
  'right to left': '\u202egnp.exe\u2066 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627',
  emoji: '👩‍👩‍👧‍👦🏳️‍🌈'.repeat(20),
  long: 'x'.repeat(100_000),
  address: 'javascript:window.hostile=true',
  spaces: ' \t\n\u2028 ',
  NUL: 'before\u0000after',
} as const;
const NAMES = Object.keys(HOSTILE) as (keyof typeof HOSTILE)[];
/** Of columns with an index. */
const MOST_OF_IDENTIFIER = 500;

let world: PageWorld;

/** Every column of text says it, so that no field of the page is left out. */
function columnsOf(definition: RecordDefinition, text: string): Columns {
  return Object.fromEntries(
    observedColumns(definition).flatMap(({ name, type, identifier }) => {
      if (type === 'jsonb') return [[name, JSON.stringify({ [text.slice(0, 500)]: text })]];
      if (type !== 'text') return [];
      return [[name, identifier === true ? Array.from(text).slice(0, MOST_OF_IDENTIFIER).join('') : text]];
    }),
  );
}

beforeAll(async () => {
  world = await PageWorld.create();
  for (const name of NAMES) {
    const uid = randomUUID();
    const record = (definition: RecordDefinition, verdict: string | undefined, ...key: string[]) =>
      executionObservation({
        table: definition.table,
        // The name of a cluster is configured: nobody can bring a NUL into it.
        cluster: HOSTILE[name].slice(0, 60).replaceAll('\0', ''),
        key: naturalKey(uid, ...key),
        phase: definition === remediationAudit ? 'progress' : 'execution',
        columns: {
          ...columnsOf(definition, HOSTILE[name]),
          remediation_uid: uid,
          ...(verdict === undefined ? {} : { verdict }),
        },
      });
    await world.record([
      record(remediationAudit, name === 'markup' ? 'open' : 'terminal'),
      record(workflowExecutionAudit, undefined, 'we-1'),
    ]);
  }
});
afterAll(() => world[Symbol.asyncDispose]());

const VIEWS = [
  '/',
  '/history',
  '/reports/workflow-outcomes?since=all',
  '/reports/recent-failures?since=all',
  '/retention',
];

describe.each(someOf(LOOKS, 2))('in $theme on a $device', (look) => {
  test.each(VIEWS)('%s shows hostile texts as texts', async (path) => {
    const view = await world.open(look);
    const page = await openSound(view, path);
    expect(await page.evaluate('window.hostile')).toBeUndefined();
    expect(await page.locator('main script, main img, h1:has-text("Owned")').count()).toBe(0);
    await view.close();
  });
});

test.each(someOf(LOOKS, 2))(
  'the page of each remediation shows its hostile texts as texts, in $theme on a $device',
  async (look) => {
    const view = await world.open(look);
    const page = await openSound(view, '/history');
    const found = await page.locator('tbody th a').all();
    const links = await Promise.all(found.map((link) => link.getAttribute('href')));
    // A namespace of 100,000 characters, which no cluster has, is more than an address may have: it is no link.
    expect(links).toHaveLength(NAMES.length - 1);
    for (const link of links) {
      await openSound(view, link ?? '');
      expect(await page.evaluate('window.hostile')).toBeUndefined();
      // Its heading names the target, and so may say "Owned" as text; a second heading would be markup.
      expect(await page.locator('main script, main img').count()).toBe(0);
      expect(await page.locator('h1').count()).toBe(1);
      expect(await page.locator('main').innerText()).not.toMatch(/[\u0000\u202e\u2066]/);
    }
    await view.close();
  },
);

test('the history has a row for each of them', async () => {
  const view = await world.open();
  const page = await openSound(view, '/history');
  expect(await page.locator('tbody tr').count()).toBe(NAMES.length);
  const text = await page.locator('tbody').innerText();
  expect(text).toContain('<script>window.hostile = true</script>');
  // The mark that turns the direction would turn what stands behind the text, too.
  expect(text).not.toMatch(/[\u202e\u2066]/);
  await view.close();
});

test.each(
  ['since', 'cluster', 'target_name', 'overall_phase', 'cursor', 'nothing'].flatMap((name) =>
    [HOSTILE.markup, HOSTILE.attribute, 'a\0b', '\u202e', 'x'.repeat(5_000)].map(
      (value) => [name, value] as const,
    ),
  ),
)('a hostile %s in the address is shown as text or refused', async (name, value) => {
  const view = await world.open();
  const response = await view.page.goto(`/history?${name}=${encodeURIComponent(value)}`);
  expect([200, 400]).toContain(response?.status());
  expect(await view.page.evaluate('window.hostile')).toBeUndefined();
  expect(await view.page.locator('h1').count()).toBe(1);
  await view.close();
});
