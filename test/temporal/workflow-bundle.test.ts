import { writeFile } from 'node:fs/promises';

import { expect, test } from 'vitest';

import { bundleWorkflows } from '../../src/worker/workflow-bundle.ts';
import { runScript } from '../support/processes.ts';
import { createTestFolder } from '../support/test-folder.ts';

test('the compiler of the workflows does not run in the process of the worker', async () => {
  const script = runScript(`
    const { createRequire } = await import('node:module');
    const { bundleWorkflows } = await import(source('src/worker/workflow-bundle.ts'));
    const { code } = await bundleWorkflows();
    const loaded = Object.keys(createRequire(source('src/main.ts')).cache);
    const compiler = loaded.filter((path) => path.endsWith('/webpack/lib/Compiler.js'));
    console.log('has', code.includes('remediationAudit'), 'compilers', compiler.length);
  `);
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
