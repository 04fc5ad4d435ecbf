import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { WorkflowBundle } from '@temporalio/worker';

import { readKeptBundle } from './kept-bundle.ts';

const WORKFLOWS_PATH = besideThis('../workflows/index');
const BUNDLE_PROCESS = besideThis('bundle-process');

/** By the path of the failure converter: within a process the code of the workflows never changes. */
const bundles = new Map<string, Promise<WorkflowBundle>>();

/** The workflows as a worker loads them, as they were kept, or bundled once by a process that ends when it is done. */
export function bundleWorkflows(failureConverterPath?: string): Promise<WorkflowBundle> {
  const key = failureConverterPath ?? '';
  const bundling = bundles.get(key) ?? bundleApart(failureConverterPath);
  bundles.set(key, bundling);
  // One that failed, for want of memory perhaps, is tried again by whoever comes next; the caller has the error.
  bundling.catch(() => bundles.delete(key));
  return bundling;
}

async function bundleApart(failureConverterPath: string | undefined): Promise<WorkflowBundle> {
  const parts = [WORKFLOWS_PATH, ...(failureConverterPath === undefined ? [] : [failureConverterPath])];
  const kept = await readKeptBundle(parts);
  if (kept !== undefined) return { code: kept };
  const child = fork(BUNDLE_PROCESS, parts, { execArgv: [] });
  const doing = `cannot bundle the workflows of ${WORKFLOWS_PATH}`;
  return new Promise((resolve, reject) => {
    child.once('message', (code) => {
      resolve({ code: code as string });
    });
    child.once('error', (cause) => {
      reject(
        new Error(`${doing}: its process did not start; free memory or processes, then start again`, {
          cause,
        }),
      );
    });
    // The end may be noticed before the last message is read, which has come when the channel is closed.
    void Promise.all([once(child, 'exit'), once(child, 'disconnect')]).then(([[code, signal]]) => {
      const how = signal === null ? `exit code ${String(code)}` : String(signal);
      reject(
        new Error(
          `${doing}: its process ended with ${how}; read what it wrote, and give it 400 MB of memory`,
        ),
      );
    });
  });
}

/** A module by its path without its end: `.ts` in the source tree, `.js` in the built package. */
function besideThis(path: string): string {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return fileURLToPath(new URL(`${path}${extension}`, import.meta.url));
}
