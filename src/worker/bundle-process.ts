import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/**
 * A process of its own that bundles the workflows, sends the bundle to its parent and ends: the compiler takes several
 * hundred megabytes, which a worker would keep for a long time. Arguments: the path of the workflows, and of the failure
 * converter if there is one.
 */
const [workflowsPath = '', failureConverterPath] = process.argv.slice(2);
// Whoever waits for the bundle is gone.
process.once('disconnect', () => process.exit());
const bundle = await bundleWorkflowCode({
  workflowsPath,
  logger: new DefaultLogger('WARN'),
  ...(failureConverterPath === undefined ? {} : { failureConverterPath }),
});
process.send?.(bundle, () => {
  process.disconnect();
});
