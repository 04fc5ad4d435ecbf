import { expect, inject, test } from 'vitest';

import { until } from '../support/until.ts';
import { startProgram } from '../support/up.ts';

const { endpoints } = inject('sharedUp');

test.each(['serve', 'work', 'watch'])(
  '%s starts as a process of its own and ends on SIGTERM with code 0',
  async (command) => {
    const program = startProgram([command], {
      env: {
        DATABASE_URL: endpoints.postgres,
        DATABASE_READER_URL: endpoints.postgres,
        TEMPORAL_ADDRESS: endpoints.temporal,
        KUBECONFIG: endpoints.kubeconfig,
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
