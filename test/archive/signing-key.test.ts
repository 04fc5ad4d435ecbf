import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { readOrCreateSigningKey, signingKeyFrom } from '../../src/archive/manifest/signing-key.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const KILLS = 6;
const random = seededRandom(chooseSeed());

let folder: TestFolder;

beforeAll(async () => {
  folder = await createTestFolder();
});
afterAll(() => folder.remove());

test('all that make the key at once use the same one, and leave nothing beside it', async () => {
  for (let round = 0; round < 150; round += 1) {
    const path = folder.file(`round-${round}/key.pem`);
    const keys = await Promise.all(Array.from({ length: 8 }, () => readOrCreateSigningKey(path)));
    expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(1);
    expect(keys[0]?.keyId).toBe((await readOrCreateSigningKey(path)).keyId);
    expect(await readdir(folder.file(`round-${round}`))).toEqual(['key.pem']);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  }
});

/** Makes keys, many at once, until it is killed. */
const MAKE_KEYS = `
  import { readOrCreateSigningKey } from ${JSON.stringify(
    new URL('../../src/archive/manifest/signing-key.ts', import.meta.url).href,
  )};
  const [folder] = process.argv.slice(1);
  let made = 0;
  const make = async () => {
    for (;;) {
      await readOrCreateSigningKey(folder + '/' + (made += 1) + '/key.pem');
      if (made === 64) process.stdout.write('making\\n');
    }
  };
  await Promise.all(Array.from({ length: 32 }, make));
`;

test('a process that is killed while it makes a key leaves a complete one or none', async () => {
  let found = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const parent = folder.file(`kill-${kill}`);
    const child = spawn(process.execPath, ['--input-type=module', '--eval', MAKE_KEYS, parent], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    setTimeout(() => child.kill('SIGKILL'), random.below(20));
    await exited;
    for (const name of await readdir(parent)) {
      const path = join(parent, name, 'key.pem');
      const pem = await readFile(path, 'utf8').catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      });
      if (pem === undefined) continue;
      expect(signingKeyFrom(pem).keyId, path).toMatch(/^[0-9a-f]{16}$/);
      found += 1;
    }
  }
  expect(found).toBeGreaterThan(KILLS);
});
