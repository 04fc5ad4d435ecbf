import { afterAll, describe } from 'vitest';

import type { Sandbox } from '../../dev/sandbox/sandbox.ts';
import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import { describeConformance } from './conformance.ts';

describe('the sandbox', () => {
  let sandbox: Sandbox | undefined;

  afterAll(async () => {
    await sandbox?.stop();
  });

  describeConformance(async () => {
    // The definitions come from the suite, as on a real server.
    const started = (sandbox = await startSandbox({ kinds: [] }));
    const forget = (): Promise<void> => {
      started.store.compact();
      return Promise.resolve();
    };
    return { address: { url: started.url, token: started.token }, forget };
  });
});
