import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { bundleWorkflows } from '../../src/worker/workflow-bundle.ts';
import { runScript } from '../support/processes.ts';
import { createTestFolder } from '../support/test-folder.ts';

test('the compiler of the workflows does not run in the process of the worker', async () => {
  const script = runScript(
    `
    const { createRequire } = await import('node:module');
    const { bundleWorkflows } = await import(source('src/worker/workflow-bundle.ts'));
    const { code } = await bundleWorkflows();
    const loaded = Object.keys(createRequire(source('src/main.ts')).cache);
    const compiler = loaded.filter((path) => path.endsWith('/webpack/lib/Compiler.js'));
    console.log('has', code.includes('remediationAudit'), 'compilers', compiler.length);
  `,
    // No bundle was kept: it is made.
    { env: { PATH: process.env['PATH'] ?? '' } },
  );
  const [, hasWorkflow, compilers] = await script.untilSays(/has (\w+) compilers (\d+)/);
  expect(hasWorkflow).toBe('true');
  expect(compilers).toBe('0');
  expect(await script.exited).toBe(0);
});

test('workflows that cannot be bundled are an error that says how the process ended', async () => {
  const folder = await createTestFolder();
  try {
    const broken = folder.file('converter.js');
    await writeFile(broken, 'export const = ;');
    const outcome = await bundleWorkflows(broken).then(
      () => 'bundled',
      (error: unknown) => String(error),
    );
    expect(outcome).toMatch(/cannot bundle the workflows of .*: its process ended with exit code 1; read/);
  } finally {
    await folder.remove();
  }
});

/** What a process of its own has for code, with a folder where Node keeps what it compiled. */
async function bundledCode(folder: string, converter: string): Promise<string> {
  const script = runScript(
    `
    const { bundleWorkflows } = await import(source('src/worker/workflow-bundle.ts'));
    const { code } = await bundleWorkflows(${JSON.stringify(converter)});
    console.log('marks', ...['mark-first', 'mark-second', 'mark-kept'].map((mark) => code.includes(mark)));
  `,
    { env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: folder } },
  );
  const [, marks = ''] = await script.untilSays(/marks (.*)/);
  expect(await script.exited).toBe(0);
  return marks;
}

async function keptFile(folder: string): Promise<string> {
  const paths = await readdir(folder, { recursive: true });
  const [kept] = paths.filter((path) => /workflows-\w+\.json$/.test(path));
  return join(folder, kept ?? 'nothing kept');
}

test('a bundle is kept until one of the files it was made of changes', async () => {
  const folder = await createTestFolder();
  onTestFinished(() => folder.remove());
  const converter = folder.file('converter.js');
  const cache = folder.file('cache');
  await writeFile(converter, `export const failureConverter = { name: 'mark-first' };`);
  expect(await bundledCode(cache, converter)).toBe('true false false');

  const kept = await keptFile(cache);
  await writeFile(kept, (await readFile(kept, 'utf8')).replaceAll('mark-first', 'mark-kept'));
  expect(await bundledCode(cache, converter)).toBe('false false true');

  await writeFile(converter, `export const failureConverter = { name: 'mark-second' };`);
  expect(await bundledCode(cache, converter)).toBe('false true false');
});
