import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { signingKeyFrom, trustedKeysFrom } from '../../src/archive/manifest/signing-key.ts';
import { readConfig } from '../../src/config/config.ts';
import { readCompose } from '../support/compose.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const { services } = readCompose();
let folder: TestFolder;

beforeEach(async () => {
  folder = await createTestFolder();
  await mkdir(folder.file('keys'));
  await mkdir(folder.file('public-keys'));
});
afterEach(() => folder.remove());

/** What the service `prepare` runs, in another folder than that of the container. */
function prepare(): { readonly key: string; readonly publicKey: string } {
  const { entrypoint = [], command = [] } = services.get('prepare') ?? {};
  expect(entrypoint[0]).toBe('node');
  const [script = ''] = command;
  const here = script.replaceAll('/var/lib/remediation-audit', folder.path);
  execFileSync(process.execPath, [...entrypoint.slice(1), here]);
  return {
    key: readFileSync(folder.file('keys/archive-key.pem'), 'utf8'),
    publicKey: readFileSync(folder.file('public-keys/archive-key.pub.pem'), 'utf8'),
  };
}

test('the key of the archive is made once, for its owner alone, with a public half that verifies what it signs', () => {
  const first = prepare();
  expect(statSync(folder.file('keys/archive-key.pem')).mode & 0o777).toBe(0o600);
  expect([...trustedKeysFrom(first.publicKey).keys()]).toEqual([signingKeyFrom(first.key).keyId]);
  expect(createPublicKey(first.publicKey).type).toBe('public');
  expect(first.publicKey).not.toContain('PRIVATE');
  expect(prepare()).toEqual(first);
});

test('the API has the public half and no way to the other', () => {
  const environmentOf = (name: string) => readConfig(services.get(name)?.environment ?? {}).retention.archive;
  expect(environmentOf('work').keyFile).toBe('/var/lib/remediation-audit/keys/archive-key.pem');
  expect(environmentOf('serve')).toMatchObject({
    keyFile: '',
    trustedKeysFile: '/var/lib/remediation-audit/public-keys/archive-key.pub.pem',
  });
});

test('nothing of the compose file runs as root', () => {
  // The image of PostgreSQL begins as root, to make its folder its own, and goes on as postgres.
  const others = [...services].filter(([name]) => name !== 'postgres');
  for (const [name, { user }] of others) expect(user ?? '1000:1000', name).toMatch(/^[1-9]/);
});
