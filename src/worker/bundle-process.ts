import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

import { keepBundle } from './kept-bundle.ts';

/**
 * A process of its own that bundles the workflows, sends the code to its parent and ends: the compiler takes several
 * hundred megabytes, which a worker would keep for a long time. Arguments: the path of the workflows, and of the failure
 * converter if there is one.
 */
const parts = process.argv.slice(2);
const [workflowsPath = '', failureConverterPath] = parts;
// Whoever waits for the bundle is gone.
process.once('disconnect', () => process.exit());

const begunMs = Date.now();
const files = new Set<string>();

const { code } = await bundleWorkflowCode({
  workflowsPath,
  logger: new DefaultLogger('WARN'),
  webpackConfigHook: (config) => ({
    ...config,
    plugins: [
      ...(config.plugins ?? []),
      (compiler) => {
        compiler.hooks.afterCompile.tap('read files', ({ fileDependencies }) => {
          for (const file of fileDependencies) files.add(file);
        });
      },
    ],
  }),
  ...(failureConverterPath === undefined ? {} : { failureConverterPath }),
});
await new Promise((sent) => process.send?.(code, sent));
try {
  await keepBundle(parts, { code, files, begunMs });
} catch (error: unknown) {
  // A full or read-only disk: the parent has the code, and the next process makes it again.
  process.stderr.write(`cannot keep the bundle of the workflows: ${String(error)}\n`);
}
process.disconnect();
