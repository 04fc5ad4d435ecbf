import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';

import { createPool } from '../../src/database/pool.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { LOOKS, PHONE, type View } from '../support/browser/browser.ts';
import { expectSound, faultsOf, openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';
import { type FaultyProxy, startFaultyProxy } from '../support/faulty-proxy.ts';
import { executionObservation } from '../support/observations.ts';
import { until } from '../support/until.ts';

/*
 * Views that follow what is recorded: as fast as promised, without taking anything from who reads, and honest when they cannot.
 */

/** The promise is a second; a machine that does five things at once gets more. What it took is written. */
const MOST_LATE_MS = 5_000;
/** What has not come by then does not come. */
const LONGEST_MS = 60_000;

let world: PageWorld;
let proxy: FaultyProxy;

beforeAll(async () => {
  proxy = await startFaultyProxy(Number(new URL(inject('postgresUrl')).port));
  world = await PageWorld.create((database) => {
    const through = new URL(database.url('audit_reader'));
    through.port = String(proxy.port);
    const pool = createPool({
      ...{ connectionString: through.href, applicationName: 'live', statementTimeoutMs: 30_000 },
      ...{ connectTimeoutMs: 30_000, logger: createLogger('silent', 'test') },
    });
    return { pool, reports: pool, streams: { heartbeatMs: 500 } };
  });
  await Promise.all(['rr-1', 'rr-2', 'rr-3'].map((name) => record(name, 1, 'Analyzing')));
});
afterEach(() => {
  proxy.admit();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

/** When it was committed, on the clock that the browser has too. */
async function record(name: string, version: number, phase: string, verdict = 'open'): Promise<number> {
  await world.record([
    executionObservation({
      ...{
        table: 'remediation_audit',
        phase: 'progress',
        key: naturalKey(name),
        sourceVersion: String(version),
      },
      columns: {
        ...{
          remediation_id: name,
          remediation_uid: name,
          namespace: 'payments',
          target_name: `worker-${name}`,
        },
        ...{ overall_phase: phase, verdict },
      },
    }),
  ]);
  return Date.now();
}

const lineOf = (page: Page) => page.locator('#live');
/** Something may have been reported already: who listens is told of one change too many now and then. */
async function isLive(page: Page): Promise<void> {
  let said = '';
  await until(
    async () => {
      said = await lineOf(page).innerText();
      return /Live updates are on|Brought up to date/.test(said);
    },
    () => `the view is live; its line says: ${said}`,
    LONGEST_MS,
  );
}
const ONE = '/remediations/test/payments/rr-1';

/** When the text first stood in the main part, on the clock of this machine. */
function whenShown(page: Page, text: string): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve, reject) => {
    const [main, line] = [document.getElementById('main'), document.getElementById('live')];
    const look = () => main.textContent.includes(${JSON.stringify(text)}) && resolve(Date.now());
    new MutationObserver(look).observe(main, { subtree: true, childList: true, characterData: true });
    look();
    setTimeout(() => reject(new Error(${JSON.stringify(text)} + ' is not shown; the line says: ' + line.textContent)), ${LONGEST_MS});
  })`);
}

test.each(['/', ONE])('%s shows within a second what was recorded', async (path) => {
  const view = await world.open();
  const page = await openSound(view, path);
  await isLive(page);
  const late: number[] = [];
  for (const round of [1, 2, 3]) {
    const phase = `Phase${path.length}x${round}`;
    const shown = whenShown(page, phase);
    const committed = await record('rr-1', 100 * path.length + round, phase);
    late.push((await shown) - committed);
  }
  process.stderr.write(`${path} showed it ${late.join(', ')} ms after the commit\n`);
  expect(Math.max(...late)).toBeLessThan(MOST_LATE_MS);
  await lineOf(page).getByText('Brought up to date at').waitFor();
  expect(await lineOf(page).getAttribute('aria-live')).toBe('polite');
  await expectSound(view);
  await view.close();
});

test('an update keeps the focus, the place on the screen and what was opened', async () => {
  const view = await world.open(PHONE);
  const page = await openSound(view, '/');
  await isLive(page);
  await page.evaluate(`(() => {
    window.kept = document.querySelector('main a[href*="rr-2"]');
    window.kept.focus();
    scrollTo(0, 120);
  })()`);
  const before = await page.evaluate<number>('scrollY');
  const shown = whenShown(page, 'Executing now');
  await record('rr-3', 2, 'Executing now');
  await shown;
  expect(await page.evaluate('document.activeElement === window.kept && window.kept.isConnected')).toBe(true);
  expect(await page.evaluate<number>('scrollY')).toBe(before);

  // It ends while it has the focus, and stands in another list.
  await record('rr-2', 2, 'Completed', 'terminal');
  await page.locator('section[aria-labelledby=ended] a[href*="rr-2"]').waitFor();
  expect(await page.evaluate('document.activeElement.getAttribute("href")')).toContain('rr-2');
  await expectSound(view);
  await view.close();
});

test('what was typed, chosen and opened stays, whatever is put in place around it', async () => {
  const view = await world.open();
  const page = await openSound(view, '/');
  await isLive(page);
  // No live view has a form today; the script must not take from one what is in it.
  const markup = (text: string) =>
    `<p>${text}</p><details><summary>more</summary><p>${text}</p></details><form><input name="a" value=""><select name="b"><option>1</option><option>2</option></select></form>`;
  await page.route('**/', async (route) => {
    const answer = await route.fetch();
    const body = (await answer.text()).replace('<h1>Now</h1>', `<h1>Now</h1>${markup('fresh')}`);
    await route.fulfill({ response: answer, body });
  });
  await page.evaluate(
    `document.querySelector('main h1').insertAdjacentHTML('afterend', ${JSON.stringify(markup('old'))})`,
  );
  await page.locator('main summary').click();
  await page.locator('main select').selectOption('2');
  await page.locator('main input').pressSequentially('typed');
  const shown = whenShown(page, 'fresh');
  await record('rr-3', 3, 'Verifying');
  await shown;
  expect(await page.locator('main input').inputValue()).toBe('typed');
  expect(await page.locator('main select').inputValue()).toBe('2');
  expect(await page.locator('main details').getAttribute('open')).toBe('');
  expect(await page.evaluate('document.activeElement.name')).toBe('a');
  // An update may be under way.
  await page.unrouteAll({ behavior: 'wait' });
  expect(view.faults).toEqual([]);
  await view.close();
});

test('a remediation that ends is shown once more, and then no more is asked', async () => {
  await record('rr-ends', 1, 'Executing');
  const view = await world.open();
  const page = await openSound(view, '/remediations/test/payments/rr-ends');
  await isLive(page);
  await record('rr-ends', 2, 'Completed', 'terminal');
  await lineOf(page).getByText('There are no more live updates').waitFor();
  await expectSound(view);
  await page.reload();
  expect(await page.locator('#live, script').count()).toBe(0);
  await view.close();
});

test('a database that goes away is said to be, and what was recorded meanwhile is shown when it is back', async () => {
  const views = await Promise.all(LOOKS.map((look) => world.open(look)));
  const pages = await Promise.all(views.map((view) => openSound(view, '/')));
  await Promise.all(pages.map(isLive));
  proxy.refuse();
  for (const page of pages)
    await lineOf(page).getByText('Live updates are interrupted: the database does not answer').waitFor();
  await expectSoundButFor503(views);
  await record('rr-3', 4, 'Recorded meanwhile');
  proxy.admit();
  await Promise.all(pages.map((page) => whenShown(page, 'Recorded meanwhile')));
  await expectSoundButFor503(views);
  for (const view of views) await view.close();
});

/** A browser reports by itself that an update, which was under way when the database went, is answered with 503. */
async function expectSoundButFor503(views: readonly View[]): Promise<void> {
  for (const view of views) {
    const faults = await faultsOf(view);
    expect(faults.filter((fault) => !fault.includes('status of 503'))).toEqual([]);
  }
}

test('a connection over which nothing comes any more is said to be, and opened anew when the service is back', async () => {
  await using half = await startFaultyProxy(Number(new URL(world.url).port));
  const view = await world.browser.open(`http://127.0.0.1:${half.port}`);
  const page = view.page;
  await page.goto('/');
  // At once, before anything else has come.
  await isLive(page);
  half.freeze();
  await lineOf(page).getByText('Live updates are interrupted: the service does not answer').waitFor();
  await record('rr-3', 5, 'Recorded behind it');
  half.thaw();
  await whenShown(page, 'Recorded behind it');
  await expectSound(view);
  await view.close();
});

test('views that do not change by themselves, and all of them without a script, load none', async () => {
  const view = await world.open();
  for (const path of ['/history', '/reports', '/retention']) {
    const page = await openSound(view, path);
    expect(await page.locator('script, #live').count(), path).toBe(0);
  }
  await view.close();
  const without = await world.open(undefined, { javaScriptEnabled: false });
  for (const path of ['/', ONE]) {
    await without.page.goto(path);
    expect(await without.page.locator('main').innerText(), path).toContain('worker-rr-1');
    expect(await lineOf(without.page).innerText()).toBe('');
  }
  expect(without.faults).toEqual([]);
  await without.close();
});
