/**
 * Makes the pictures of README and docs out of the running product: `npm start` with its simulator, looked at by the browser
 * of the tests. Run it again after a change of the page, and look at each picture.
 */
import { mkdir, stat, writeFile } from 'node:fs/promises';

import { DESKTOP, TestBrowser } from '../test/support/browser/browser.ts';
import { repositoryPath } from '../test/support/repository.ts';
import { createTestFolder } from '../test/support/test-folder.ts';
import { until } from '../test/support/until.ts';
import { callApi, type RunningUp, startUp } from '../test/support/up.ts';

/** Remediations that the simulator begins with, and how many of them have to have ended: then there is something to see. */
const BURST = 60;
const ENOUGH_ENDED = 40;
const DEADLINE_MS = 600_000;
/** A reader of the README on a slow line waits for all of them. */
const MOST_BYTES = 200_000;

const PICTURES: Readonly<Record<string, string>> = {
  now: '/',
  history: '/history?overall_phase=Completed&overall_phase=Failed',
  report: '/reports/workflow-outcomes',
};

const folder = repositoryPath('docs/pictures');
const data = await createTestFolder();
const up = await startUp(data.path, ['--burst', String(BURST)]);
try {
  process.stderr.write(`waiting until ${ENOUGH_ENDED} remediations have ended\n`);
  await until(async () => (await ended(up)) >= ENOUGH_ENDED, 'there is something to see', DEADLINE_MS);
  await mkdir(folder, { recursive: true });
  await takePictures(up);
} finally {
  await up.stop();
  await data.remove();
}

async function ended({ endpoints }: RunningUp): Promise<number> {
  const answer = await callApi(endpoints, '/api/v1/remediations?verdict=terminal&limit=1000');
  const { items } = (await answer.json()) as { readonly items: readonly unknown[] };
  return items.length;
}

async function takePictures({ endpoints: { api, token } }: RunningUp): Promise<void> {
  await using browser = await TestBrowser.start();
  const view = await browser.open(api, DESKTOP, { extraHTTPHeaders: { authorization: `Bearer ${token}` } });
  for (const [name, path] of Object.entries(PICTURES)) {
    const response = await view.page.goto(path);
    if (response?.status() !== 200) throw new Error(`${path} is answered with ${response?.status() ?? 0}`);
    // A view that is kept up to date says so.
    await view.page.waitForFunction("document.getElementById('live')?.textContent !== ''");
    const file = `${folder}/${name}.png`;
    await writeFile(file, await view.page.screenshot({ type: 'png' }));
    const { size } = await stat(file);
    if (size > MOST_BYTES) throw new Error(`${file} has ${size} bytes; at most ${MOST_BYTES} are wanted`);
    process.stdout.write(`${file}: ${size} bytes\n`);
  }
  await view.close();
}
