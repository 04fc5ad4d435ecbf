import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

import type { AuditActivities, RecordingActivities } from '../src/activities/types.ts';
import type { Observation } from '../src/domain/observation.ts';
import { ACTIVITY_BY_PHASE, AUDIT_PHASES } from '../src/domain/phases.ts';
import { startTemporal } from '../src/embedded/temporal-server.ts';
import { createLogger } from '../src/observability/logger.ts';
import { connectTemporal } from '../src/temporal/connection.ts';
import { remediationWorkflowId } from '../src/temporal/identifiers.ts';
import type { RemediationSignals } from '../src/temporal/remediation-signals.ts';
import { createRemediationSignals } from '../src/temporal/remediation-signals.ts';
import { installRuntime } from '../src/worker/runtime.ts';
import { startWorker } from '../src/worker/start-worker.ts';
import { repositoryPath } from '../test/support/repository.ts';
import { resolveServer } from '../test/support/servers.ts';

/**
 * `npm run histories`: plays each branch of `remediationAudit` on a real server and keeps its history in
 * test/replay/histories. Only those that are not there yet: an old history stands for runs that are under way at users,
 * and recording it anew would make a replay pass that they do not survive.
 */
const DIRECTORY = fileURLToPath(new URL('../test/replay/histories/', import.meta.url));
const QUEUE = 'record-histories';

interface Stage {
  readonly uid: string;
  readonly observe: (version: number, phase: string, resource?: string) => Promise<void>;
  readonly closed: () => Promise<void>;
}

/** What happens in each history. */
const BRANCHES: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  completed: async ({ observe, closed }) => {
    await observe(1, 'Pending');
    await observe(2, 'Running');
    await observe(3, 'Completed');
    await closed();
  },
  'two-records': async ({ observe, closed }) => {
    await observe(1, 'Running', 'we-a');
    await observe(2, 'Running', 'we-b');
    await observe(3, 'Failed', 'we-a');
    await closed();
  },
  'activity-retried': async ({ observe, closed }) => {
    await observe(1, 'Running', 'we-flaky');
    await observe(2, 'Completed', 'we-flaky');
    await closed();
  },
  investigation: async ({ observe, closed }) => {
    await observe(1, 'Running', 'ai-rr');
    await observe(2, 'Completed', 'ai-rr');
    await closed();
  },
  'late-run': async ({ observe, closed }) => {
    await observe(9, 'Completed');
    await closed();
    await observe(8, 'Completed');
    await closed();
  },
};

const logger = createLogger('warn', 'record-histories');
const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-histories-'));
const report = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const runtime = installRuntime(logger);
const server = await startTemporal({
  binary: await resolveServer('temporal'),
  dataDir,
  port: 0,
  uiPort: 0,
  headless: true,
  searchAttributes: {},
  report,
});
const access = { connectionOptions: { address: server.address }, namespace: server.namespace };
const { client, close } = await connectTemporal(access);
const worker = await startWorker({
  temporal: access,
  taskQueue: QUEUE,
  activities: forgetfulActivities(),
  shutdownGraceSeconds: 1,
  logger,
});
try {
  await mkdir(DIRECTORY, { recursive: true });
  const signals = createRemediationSignals(client, { lateGraceSeconds: 1, taskQueue: QUEUE });
  for (const [name, play] of Object.entries(BRANCHES)) {
    if (existsSync(join(DIRECTORY, `${name}.json`))) continue;
    const remediation = {
      cluster: 'histories',
      namespace: 'payments',
      name: `rr-${name}`,
      uid: randomUUID(),
    };
    const handle = client.workflow.getHandle(remediationWorkflowId(remediation));
    await play(stageOf(remediation, signals, handle));
    const history = historyToJSON(await handle.fetchHistory());
    await writeFile(join(DIRECTORY, `${name}.json`), `${withoutMachine(history)}\n`);
    report(`recorded ${name}`);
  }
} finally {
  await worker.stop();
  await close();
  await runtime.shutdown();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}

/** Process ids, host names and folders of whoever recorded it are no part of a history. */
function withoutMachine(history: string): string {
  return (
    history
      // `pid@host` is the identity of a client or worker, and the beginning of a worker's sticky queue.
      .replaceAll(/\d+@[\w.-]+/g, 'recorder')
      .replaceAll(repositoryPath('.'), '/repository/')
  );
}

function stageOf(
  remediation: { cluster: string; namespace: string; name: string; uid: string },
  signals: RemediationSignals,
  handle: WorkflowHandle,
): Stage {
  return {
    uid: remediation.uid,
    observe: (version, phase, resource = 'we-rr') =>
      signals.send({
        remediation,
        summary: 'payments/Deployment/api: restart',
        observation: observation(remediation.uid, resource, version, phase),
      }),
    closed: async () => {
      await handle.result();
    },
  };
}

function observation(uid: string, resource: string, version: number, phase: string): Observation {
  return {
    table: 'workflow_execution_audit',
    cluster: 'histories',
    key: `${uid}/${resource}`,
    phase: 'execution',
    sourceVersion: String(version),
    createdAt: '2026-11-21T10:00:00.000000Z',
    createdAtSource: 'resource',
    observedAt: '2026-11-21T10:00:01.000000Z',
    actor: 'watcher',
    columns: {
      remediation_uid: uid,
      phase,
      ...(resource === 'ai-rr' ? { investigation_report: `seen ${phase}` } : {}),
    },
  };
}

/** A history holds what activities answered, not what they did: these store nothing, and one fails at first. */
function forgetfulActivities(): AuditActivities {
  let failures = 2;
  const record: RecordingActivities['recordExecution'] = ({ key, columns }) => {
    if (key.endsWith('we-flaky') && failures > 0) {
      failures -= 1;
      return Promise.reject(new Error('connect ECONNREFUSED'));
    }
    const remediationOver = columns['phase'] === 'Completed' || columns['phase'] === 'Failed';
    const createdAt = '2026-11-21T10:00:00.000000Z';
    return Promise.resolve({ id: randomUUID(), createdAt, status: 'stored', remediationOver });
  };
  const recording = Object.fromEntries(AUDIT_PHASES.map((phase) => [ACTIVITY_BY_PHASE[phase], record]));
  return { ...(recording as RecordingActivities), embedInvestigation: () => Promise.resolve('placed') };
}
