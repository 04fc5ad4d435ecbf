import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { findTampering, sealEntry, sealFileOf } from '../../dev/servers/find/cache-seal.ts';
import type { TestFolder } from '../support/test-folder.ts';
import { createTestFolder } from '../support/test-folder.ts';

const PROGRAM = 'the program';
let folder: TestFolder;
let entry: string;

beforeEach(async () => {
  folder = await createTestFolder();
  entry = folder.file('1.2.3-linux-x64');
  await mkdir(join(entry, 'lib'), { recursive: true });
  await writeFile(join(entry, 'tool'), PROGRAM);
  await writeFile(join(entry, 'lib/one.so'), 'library');
  await symlink('one.so', join(entry, 'lib/two.so'));
  await sealEntry(entry, entry);
});
afterEach(() => folder.remove());

test('an entry that nobody touched is as it was sealed', async () => {
  expect(await findTampering(entry)).toBeUndefined();
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test.each<[string, RegExp, () => Promise<unknown>]>([
  ['a program was exchanged', /"tool"/, () => writeFile(join(entry, 'tool'), 'another')],
  ['a file was added', /"lib\/new\.so"/, () => writeFile(join(entry, 'lib/new.so'), 'code')],
  ['a file is missing', /a file is missing/, () => rm(join(entry, 'lib/one.so'))],
  [
    'a link leads elsewhere',
    /"lib\/two\.so"/,
    async () => {
      await rm(join(entry, 'lib/two.so'));
      await symlink('/tmp/code.so', join(entry, 'lib/two.so'));
    },
  ],
  ['there is no seal', /cannot be checked: .*ENOENT/, () => rm(sealFileOf(entry))],
  ['others may write the seal', /others may write/, () => chmod(sealFileOf(entry), 0o666)],
  [
    'a line of the seal was changed with its program',
    /\.sha256 was changed/,
    async () => {
      await writeFile(join(entry, 'tool'), 'another');
      const seal = await readFile(sealFileOf(entry), 'utf8');
      await writeFile(sealFileOf(entry), seal.replace(sha256(PROGRAM), sha256('another')));
    },
  ],
  ['the seal is empty', /was changed/, () => writeFile(sealFileOf(entry), '')],
])('an entry is refused when %s', async (_what, fault, tamper) => {
  await tamper();
  expect(await findTampering(entry)).toMatch(fault);
});
