import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { findFreePort } from '../../dev/servers/process/ports.ts';
import { forbidden, type Gate } from '../../src/api/auth/gate.ts';
import { createTokenGate } from '../../src/api/auth/token-gate.ts';
import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import { createPool } from '../../src/database/pool.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { testArchiveReader } from '../support/archive-reader.ts';
import { LOOKS, PHONE } from '../support/browser/browser.ts';
import { openSound } from '../support/browser/checks.ts';
import { PageWorld } from '../support/browser/page-world.ts';
import { executionObservation } from '../support/observations.ts';
import { retentionSteps, runRetention } from '../support/retention.ts';
import { someOf } from '../support/soak.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

/*
 * What the page says when it cannot show something. An empty list, or an error of a program, would be read as "nothing happened".
 */

const log = createLogger('silent', 'test');
const VIEWS = ['/', '/history', '/reports/workflow-outcomes', '/retention', '/remediations/test/x/rr-1'];

let folder: TestFolder;

beforeAll(async () => {
  folder = await createTestFolder();
});
afterAll(() => folder.remove());

describe('while the database is away', () => {
  let world: PageWorld;

  beforeAll(async () => {
    // Nobody listens there.
    const port = await findFreePort();
    const away = createPool({
      ...{ connectionString: `postgres://audit_reader@127.0.0.1:${port}/none`, applicationName: 'test' },
      ...{ statementTimeoutMs: 1_000, logger: log },
    });
    world = await PageWorld.create(() => ({ pool: away, writer: away, reports: away }));
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(VIEWS)('%s says so', async (path) => {
    for (const look of someOf(LOOKS, 2)) {
      const view = await world.open(look);
      const page = await openSound(view, path, 503);
      expect(await page.locator('main').innerText()).toContain('the database does not answer');
      expect(await page.getByRole('link', { name: 'Try again' }).getAttribute('href')).toBe(path);
      await view.close();
    }
  });
});

describe('while the archive is away', () => {
  let world: PageWorld;
  let reader: ReturnType<typeof testArchiveReader>['reader'];

  beforeAll(async () => {
    const store = createFolderStore(folder.file('archive'));
    const key = await readOrCreateSigningKey(folder.file('key.pem'));
    let ownerUrl = '';
    world = await PageWorld.create((database) => {
      ownerUrl = database.url('audit_owner');
      ({ reader } = testArchiveReader({ store, key, folder: folder.path }));
      return { archive: { reader } };
    });
    const remediation = (name: string, createdAt: string) =>
      executionObservation({
        ...{ table: 'remediation_audit', phase: 'closure', createdAt, key: naturalKey(name) },
        columns: {
          remediation_id: name,
          remediation_uid: name,
          verdict: 'terminal',
          target_kind: 'Node',
          target_name: name,
        },
      });
    await world.record([
      remediation('archived', '2020-01-05T10:00:00.000000Z'),
      remediation('stored', '2026-11-05T10:00:00.000000Z'),
    ]);
    await runRetention(retentionSteps({ ownerUrl, store, key, folder: folder.path }), '2020-01-01');
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await reader.close();
  });

  async function takeAway(): Promise<void> {
    await Promise.all(
      ['archive', 'parts'].map((name) => rm(folder.file(name), { recursive: true, force: true })),
    );
  }

  test('the history shows the database, and names what was not searched', async () => {
    const view = await world.open();
    const both = await openSound(view, '/history');
    expect(await both.locator('tbody tr').count()).toBe(2);
    expect(await both.locator('tbody').innerText()).toContain('(archive)');
    const only = await openSound(view, '/history?include_archive=false');
    expect(await only.locator('main').innerText()).toContain('Not searched: 2020-01');

    await takeAway();
    const without = await openSound(view, '/history');
    expect(await without.locator('tbody tr').count()).toBe(1);
    expect(await without.locator('main').innerText()).toMatch(/Not searched: 2020-01, because /);
    await view.close();
  });

  test('a remediation is shown as far as it is stored, and names what was not searched', async () => {
    const view = await world.open(PHONE);
    const page = await openSound(view, '/remediations/test//stored');
    expect(await page.locator('section[aria-labelledby=source]').innerText()).toMatch(
      /Not searched: 2020-01, because /,
    );
    expect(await page.locator('section[aria-labelledby=earlier]').innerText()).toContain(
      'also those in the archive, where this list did not look',
    );
    await takeAway();
    await openSound(view, '/remediations/test//archived', 503);
    expect(await page.locator('main').innerText()).toMatch(/This page cannot be shown: /);
    await view.close();
  });

  test('an empty list names the months that were not searched', async () => {
    const view = await world.open(PHONE);
    const page = await openSound(view, '/history?target_name=archived');
    expect(await page.locator('tbody tr').count()).toBe(0);
    expect(await page.locator('.empty').innerText()).toMatch(/Not searched: 2020-01, because /);
    await view.close();
  });
});

describe('without rights', () => {
  const token = 'writer-token-with-forty-three-characters-00000';
  let world: PageWorld;
  let gate: Gate;

  beforeAll(async () => {
    const sha256 = createHash('sha256').update(token).digest('hex');
    await writeFile(folder.file('tokens.json'), JSON.stringify([{ name: 'poster', role: 'writer', sha256 }]));
    gate = await createTokenGate(folder.file('tokens.json'), log);
    world = await PageWorld.create(() => ({ gate, authMode: 'token' }));
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await gate.close();
  });

  test.each(VIEWS)('%s says that it may not be shown', async (path) => {
    const view = await world.open(undefined, { extraHTTPHeaders: { authorization: `Bearer ${token}` } });
    const page = await openSound(view, path, 403);
    expect(await page.locator('h1').innerText()).toBe('The caller may not do this');
    await view.close();
  });
});

describe('with the right to single remediations, and not to lists', () => {
  const gate: Gate = {
    admit(_authorization, verb) {
      if (verb !== 'get') throw forbidden('on-call', verb);
      return { name: 'on-call' };
    },
    close: () => Promise.resolve(),
  };
  let world: PageWorld;
  let name: string;

  beforeAll(async () => {
    world = await PageWorld.create(() => ({ gate, authMode: 'token' }));
    name = await world.recordStory('approval-granted', 20);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(someOf(LOOKS, 2))(
    'the page of a remediation says what it leaves out, in $theme on a $device',
    async (look) => {
      const { rows } = await world.database.owner.query<{ path: string }>(
        `select concat_ws('/', cluster, namespace, remediation_id) as path from remediation_audit where remediation_id = $1::text`,
        [name],
      );
      const view = await world.open(look);
      const page = await openSound(view, `/remediations/${rows[0]?.path ?? ''}`);
      const text = await page.locator('main').innerText();
      expect(text).toContain('you may read single remediations, and not lists of them');
      await view.close();
    },
  );

  test.each(['/', '/history', '/reports', '/retention'])('%s may not be shown', async (path) => {
    const view = await world.open();
    const page = await openSound(view, path, 403);
    expect(await page.locator('h1').innerText()).toBe('The caller may not do this');
    await view.close();
  });
});
