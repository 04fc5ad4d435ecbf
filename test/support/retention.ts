import { randomUUID } from 'node:crypto';

import type { RetentionActivities, RetentionDecision } from '../../src/activities/types.ts';
import type { ArchiveContext } from '../../src/archive/archive-context.ts';
import { RetentionSteps } from '../../src/archive/export/retention-steps.ts';
import { createManifestChain } from '../../src/archive/manifest/manifest.ts';
import type { SigningKey } from '../../src/archive/manifest/signing-key.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { requireEqualLedger } from '../../src/database/comparison/records-differ.ts';
import type { ExportRun } from '../../src/database/months/month-export.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { retainMonth } from '../../src/workflows/retain-month.ts';
import type { TestDatabase } from './database.ts';
import { executionObservation } from './observations.ts';

export interface RetentionSetting {
  readonly ownerUrl: string;
  readonly store: ObjectStore;
  readonly key: SigningKey;
  readonly folder: string;
}

/** As in production, without a grace and with small parts. */
export function archiveContext(
  { ownerUrl, store, key, folder }: RetentionSetting,
  changes: Partial<ArchiveContext> = {},
): ArchiveContext {
  const trusted = new Map([[key.keyId, key.publicKey]]);
  return {
    ownerUrl,
    store,
    chain: createManifestChain(store, key, trusted),
    trusted,
    rules: { hotDays: 90, dropGraceHours: 0, requireApproval: false },
    requireEqualLedger,
    lockTimeoutMs: 500,
    workFolder: folder,
    schemaVersion: 6,
    partRows: 10,
    ...changes,
  };
}

/** For rows that a test wrote by itself, without a ledger. */
export const WITHOUT_LEDGER: Partial<ArchiveContext> = { requireEqualLedger: () => Promise.resolve() };

export function retentionSteps(setting: RetentionSetting, changes?: Partial<ArchiveContext>): RetentionSteps {
  return new RetentionSteps(archiveContext(setting, changes));
}

const DECISIONS = ['archive', 'detach', 'drop', 'release', 'reattach', 'expire'] as const;

function isDecision(action: string): action is RetentionDecision['action'] {
  return (DECISIONS as readonly string[]).includes(action);
}

/** The steps as the workflow sees them, without Temporal between. */
export function asActivities(steps: RetentionSteps): RetentionActivities {
  const run = randomUUID();
  return {
    planRetention: async () =>
      (await steps.plan()).flatMap(({ month, action }) => (isDecision(action) ? [{ month, action }] : [])),
    freezeMonth: async (month) => {
      await steps.freeze({ month, run });
      return steps.tables;
    },
    exportMonth: (month, table) => steps.exportTable({ month, run }, table),
    verifyExport: async (month, table) => {
      await steps.verifyTable({ month, run }, table);
    },
    sealMonth: async (month) => {
      await steps.seal({ month, run });
      const planned = (await steps.plan()).find((candidate) => candidate.month === month);
      return planned?.action === 'awaits-approval' ? 'awaits-approval' : 'detach';
    },
    detachMonth: (month) => steps.detach(month),
    dropMonth: (month) => steps.drop(month),
    expireMonth: (month) => steps.expire(month),
    removeOrphans: () => steps.removeOrphans(() => undefined),
    reattachMonth: (month) => steps.reattach(month),
    noteRetentionFault: (month, fault) => steps.noteFault(month, fault),
  };
}

/** Every table of a month that is frozen, as one run exports and reads it back. */
export async function exportTables(steps: RetentionSteps, of: ExportRun): Promise<void> {
  for (const table of steps.tables) {
    await steps.exportTable(of, table);
    await steps.verifyTable(of, table);
  }
}

/** One run over all that is due, or over one month, without Temporal. */
export function runRetention(steps: RetentionSteps, month?: string): Promise<string[]> {
  return runActivities(asActivities(steps), month);
}

export async function runActivities(activities: RetentionActivities, month?: string): Promise<string[]> {
  const report: string[] = [];
  for (const due of await activities.planRetention()) {
    if (month !== undefined && due.month !== month) continue;
    report.push(`${due.month.slice(0, 7)}: ${await retainMonth(activities, due, () => undefined)}`);
  }
  return report;
}

/** Records so many executions of a month through the store, each with its ledger entry. */
export async function recordExecutions(
  database: Pick<TestDatabase, 'writer'>,
  month: string,
  count: number,
): Promise<string[]> {
  const outcomes = await createRecordStore(database.writer).record(
    Array.from({ length: count }, (_, index) =>
      executionObservation({
        key: randomUUID(),
        createdAt: `${month.slice(0, 8)}15T12:00:${String(index % 60).padStart(2, '0')}.000001Z`,
      }),
    ),
  );
  return outcomes.map(({ id }) => id);
}
