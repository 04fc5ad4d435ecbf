import { afterAll, beforeAll, expect, test } from 'vitest';

import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import type { ArchiveReader } from '../../src/archive/reader/archive-reader.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import { testArchiveReader } from '../support/archive-reader.ts';
import { ARCHIVED_MONTH, OVER_TWO_MONTHS } from '../support/archived-blocker.ts';
import { openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';
import { retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

let folder: TestFolder;
let world: PageWorld;
let reader: ArchiveReader;

beforeAll(async () => {
  folder = await createTestFolder();
  const store = createFolderStore(folder.file('archive'));
  const key = await readOrCreateSigningKey(folder.file('key.pem'));
  ({ reader } = testArchiveReader({ store, key, folder: folder.path }));
  world = await PageWorld.create(() => ({ archive: { reader } }));
  await world.record(OVER_TWO_MONTHS);
  const ownerUrl = world.database.url('audit_owner');
  await runRetention(retentionSteps({ ownerUrl, store, key, folder: folder.path }), ARCHIVED_MONTH);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await reader.close();
  await folder.remove();
});

test('the link behind a block leads to a remediation of the archive, which says that it was read there', async () => {
  const view = await world.open();
  const page = await openSound(view, '/remediations/test/payments/blocked');
  const blocks = page.locator('section[aria-labelledby=blocks]');
  expect(await blocks.innerText()).toContain(
    'In the way: execution payments/we-running (The other remediation, running, in the archive)',
  );
  await blocks.getByRole('link', { name: 'The other remediation, running' }).click();
  await page.waitForURL(/\/remediations\/test\/payments\/running\?uid=uid-running$/);
  expect(await page.locator('section[aria-labelledby=source]').innerText()).toMatch(
    /Remediation\s+1, from the archive/,
  );
  await view.close();
});

test('a block by what nobody recorded says so, without a link', async () => {
  const view = await world.open();
  const page = await openSound(view, '/remediations/test/payments/waiting');
  const blocks = page.locator('section[aria-labelledby=blocks]');
  expect(await blocks.innerText()).toContain(
    'In the way: execution payments/we-unseen (no record of it was found)',
  );
  expect(await blocks.getByRole('link').count()).toBe(0);
  await view.close();
});
