import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { krewRelease } from '../../scripts/krew/archive.ts';
import { repositoryPath } from '../support/repository.ts';
import { resolveServer } from '../support/servers.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const run = promisify(execFile);

let folder: TestFolder;
let krew: string;
let kubectl: string;

beforeAll(async () => {
  folder = await createTestFolder();
  krew = await resolveServer('krew');
  kubectl = await resolveServer('kubectl');
});
afterAll(() => folder.remove());

test('krew installs the plugin from the built archive, and kubectl runs it', async () => {
  const { name, archive, manifest } = await krewRelease(repositoryPath('.'), '');
  writeFileSync(folder.file(name), archive);
  writeFileSync(folder.file('remediation.yaml'), manifest);
  const env = {
    ...{ HOME: folder.path, KREW_ROOT: folder.file('krew') },
    PATH: `${folder.file('krew/bin')}:${dirname(process.execPath)}:/usr/bin:/bin`,
  };
  const args = ['install', '--manifest', folder.file('remediation.yaml'), '--archive', folder.file(name)];
  const { stderr } = await run(krew, args, { env });
  expect(stderr).toContain('Installed plugin: remediation');
  const { stdout } = await run(kubectl, ['remediation', 'help'], { env });
  expect(stdout).toMatch(/^usage: kubectl remediation COMMAND/);
  // What docs/kubectl-plugin.md adds, because krew links one name only.
  symlinkSync(
    folder.file('krew/bin/kubectl-remediation'),
    folder.file('krew/bin/kubectl_complete-remediation'),
  );
  const completed = await run(kubectl, ['__complete', 'remediation', 'li'], { env });
  expect(completed.stdout).toMatch(/^list\t/);
});

test('krew refuses an archive that is not the one of the manifest', async () => {
  const { name, archive, manifest } = await krewRelease(repositoryPath('.'), '');
  writeFileSync(folder.file(name), archive.subarray(0, -1));
  writeFileSync(folder.file('remediation.yaml'), manifest);
  const args = ['install', '--manifest', folder.file('remediation.yaml'), '--archive', folder.file(name)];
  const env = { HOME: folder.path, KREW_ROOT: folder.file('other'), PATH: '/usr/bin:/bin' };
  await expect(run(krew, args, { env })).rejects.toThrow('checksum does not match');
});
