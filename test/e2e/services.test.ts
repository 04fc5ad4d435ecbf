import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { until } from '../support/until.ts';
import type { RunningUp } from '../support/up.ts';
import { startProgram, startUp } from '../support/up.ts';

let folder: string;
let up: RunningUp;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-services-'));
  up = await startUp(join(folder, 'data'), ['--no-simulator']);
});
afterAll(async () => {
  await up.stop();
  await rm(folder, { recursive: true, force: true });
});

test.each(['serve', 'work', 'watch'])(
  '%s starts as a process of its own and ends on SIGTERM with code 0',
  async (command) => {
    const program = startProgram([command], {
      env: {
        DATABASE_URL: up.endpoints.postgres,
        DATABASE_READER_URL: up.endpoints.postgres,
        TEMPORAL_ADDRESS: up.endpoints.temporal,
        KUBECONFIG: join(folder, 'data/sandbox/kubeconfig'),
        REMEDIATION_AUDIT_API_PORT: '0',
        REMEDIATION_AUDIT_WORKER_METRICS_PORT: '0',
        REMEDIATION_AUDIT_WATCHER_METRICS_PORT: '0',
      },
    });
    try {
      const started = /"url":"([^"]+)","msg":"started"/;
      await until(() => started.test(program.output()), `${command} has started`);
      const url = started.exec(program.output())?.[1] ?? '';
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      program.child.kill('SIGTERM');
      // A handle that nobody closed would keep the process alive: seen with Temporal's native runtime.
      await until(
        () => program.child.exitCode !== null || program.child.signalCode !== null,
        `${command} has ended`,
      );
      expect(await program.exited).toBe(0);
    } finally {
      program.child.kill('SIGKILL');
    }
  },
);
