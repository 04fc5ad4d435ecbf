import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';

import type {
  ComparisonActivities,
  PartitionActivities,
  RestoreActivities,
  RetentionActivities,
  RetentionDecision,
} from '../../src/activities/types.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { AUDIT_PHASES } from '../../src/domain/observation.ts';
import { auditProgress, closeAudit, RECORD_DEFERRED } from '../../src/workflows/messages.ts';
import type { PlayedRemediation } from '../support/remediations.ts';
import { until } from '../support/until.ts';

/** Where a branch is played: a remediation nobody has met, and what can be done to it. */
export interface BranchStage {
  readonly play: PlayedRemediation;
  readonly handle: WorkflowHandle;
  /** Sends observations one after the other. */
  readonly send: (...observations: readonly Observation[]) => Promise<void>;
  /** Sends observations in one signal. */
  readonly sendTogether: (...observations: readonly Observation[]) => Promise<void>;
  /** Resolves when the run has closed. */
  readonly closed: () => Promise<void>;
  /** Runs another workflow to its end, with activities that answer so; the history is then that of this run. */
  readonly run: (
    workflow: string,
    args: readonly unknown[],
    answers?: Partial<MaintenanceActivities>,
  ) => Promise<void>;
}

export type MaintenanceActivities = PartitionActivities &
  ComparisonActivities &
  RetentionActivities &
  RestoreActivities;

/** Keys of observations for which the recorder's activities do something special. */
export const FLAKY = 'we-flaky';
export const POISON = 'we-poison';
/** Cannot be stored before the remediation is over. */
export const AWAY = 'we-away';
/** Takes its time to be stored. */
export const SLOW = 'we-slow';
/** An investigation that takes longer to place than a run waits for what comes late. */
export const SLOW_REPORT = 'long';

/** Enough for a run to continue as new on the recorder's server, which suggests it early. */
const MANY_OBSERVATIONS = 40;

type Branch = (stage: BranchStage) => Promise<void>;

const completed: Branch = async ({ play, send, closed }) => {
  await send(play.progress(1, 'Executing'), play.execution(2, 'Running'), play.execution(3, 'Completed'));
  await send(play.closure(4));
  await closed();
};

const manyObservations: Branch = async ({ play, send, closed }) => {
  await send(play.progress(1, 'Executing'), play.fragment(2, { failure_reason: 'TimedOut' }));
  for (let version = 3; version <= MANY_OBSERVATIONS; version += 1)
    await send(play.execution(version, 'Running', `we-${version % 3}`));
  await send(play.analysis(MANY_OBSERVATIONS + 1, 'found'), play.closure(MANY_OBSERVATIONS + 2));
  await closed();
};

/** More than a run carries on, in enough signals for the recorder's server to suggest that. */
async function sendTooMuch(
  { play, send }: BranchStage,
  key: string,
  { signals, characters }: { readonly signals: number; readonly characters: number },
): Promise<void> {
  for (let version = 1; version <= signals; version += 1) {
    const observation = play.execution(version, 'Running', key);
    const columns = { ...observation.columns, failure_message: 'x'.repeat(characters) };
    await send({ ...observation, columns });
  }
}

const untilContinued = async ({ handle }: BranchStage): Promise<void> => {
  const isContinued = async (): Promise<boolean> => {
    const { runId, raw } = await handle.describe();
    return runId !== raw.workflowExecutionInfo?.firstRunId;
  };
  await until(isContinued, 'the run has continued as new', 120_000);
};

const MARCH = '2026-03-01';
const APRIL = '2026-04-01';

/** What retention's steps answer when nothing is in the way. */
const ARCHIVING: Partial<MaintenanceActivities> = {
  planRetention: () => Promise.resolve([{ month: MARCH, action: 'archive' }]),
  freezeMonth: () => Promise.resolve(['remediation_audit', 'audit_ledger']),
  exportMonth: () => Promise.resolve(0),
  verifyExport: () => Promise.resolve(),
  sealMonth: () => Promise.resolve('detach'),
  detachMonth: () => Promise.resolve('detached'),
  dropMonth: () => Promise.resolve('dropped'),
  reattachMonth: () => Promise.resolve(),
  removeOrphans: () => Promise.resolve(0),
  noteRetentionFault: () => Promise.resolve(),
};

/** One run of retention, with some of the answers changed. */
function retaining(answers: Partial<MaintenanceActivities>): Branch {
  return ({ run }) => run('retention', [], { ...ARCHIVING, ...answers });
}

/** What the steps of a restore answer when nothing is in the way. */
const RESTORING: Partial<MaintenanceActivities> = {
  beginRestore: () =>
    Promise.resolve({
      kind: 'load',
      tables: ['remediation_audit', 'audit_ledger'],
    }),
  loadRestoredTable: () => Promise.resolve(7),
  attachRestoredMonth: () => Promise.resolve('2026-12-21'),
  abandonRestore: () => Promise.resolve(),
};

/** One restore, with some of the answers changed. */
function restoring(answers: Partial<MaintenanceActivities>): Branch {
  return ({ run }) => run('restoreMonth', [{ month: MARCH }], { ...RESTORING, ...answers });
}

/** Fails the first time, because something else moved the month. */
function movedOnce(): () => Promise<string> {
  let isMoved = false;
  return () => {
    if (isMoved) return Promise.resolve('2026-12-21');
    isMoved = true;
    return Promise.reject(ApplicationFailure.nonRetryable('it was attached again', 'MonthMovedError'));
  };
}

const planned = (...due: readonly RetentionDecision[]): Partial<MaintenanceActivities> => ({
  planRetention: () => Promise.resolve(due),
});

/** An observation that need not be stored at once. */
const interim = (observation: Observation): Observation => ({ ...observation, interim: true });

/** Every way a run can go; each is a history in `histories/`, under this name. */
export const BRANCHES: Readonly<Record<string, Branch>> = {
  completed,
  'without-search-attributes': completed,
  'every-phase': async ({ play, send, closed }) => {
    const execution = play.execution(1, 'Running');
    for (const phase of AUDIT_PHASES.filter((name) => name !== 'closure')) {
      await send({ ...execution, phase, key: `${play.name.uid}/${phase}` });
    }
    await send(play.closure(2));
    await closed();
  },
  'two-resources': async ({ play, send, closed }) => {
    await send(play.execution(1, 'Running', 'we-a'), play.execution(2, 'Running', 'we-b'));
    await send(play.execution(3, 'Failed', 'we-a'), play.closure(4));
    await closed();
  },
  'list-in-one-signal': async ({ play, sendTogether, closed }) => {
    await sendTogether(
      play.progress(1, 'Executing'),
      play.execution(2, 'Running'),
      play.execution(3, 'Failed'),
    );
    await sendTogether(play.progress(4, 'Failed'), play.closure(5));
    await closed();
  },
  'gathered-until-the-end': async ({ play, send, closed }) => {
    await send(play.progress(1, 'Executing'), interim(play.progress(2, 'Verifying')), play.closure(3));
    await closed();
  },
  'gathered-for-its-time': async ({ play, handle, send, closed }) => {
    await send(play.progress(1, 'Executing'), interim(play.progress(2, 'Verifying')));
    const stored = async (): Promise<number> =>
      Object.values((await handle.query(auditProgress)).records)[0]?.stored ?? 0;
    await until(async () => (await stored()) === 2, 'the interim state is stored');
    await send(play.closure(3));
    await closed();
  },
  'state-in-two-phases': async ({ play, sendTogether, closed }) => {
    const execution = play.execution(1, 'Running');
    const { resource } = execution;
    if (resource === undefined) throw new Error('an execution is a resource');
    const last = { ...execution, phase: 'action' as const, resource: { ...resource, projectionHash: '00' } };
    await sendTogether(execution, last);
    await sendTogether(play.closure(2));
    await closed();
  },
  'gathered-goes-along': async ({ play, sendTogether, send, closed }) => {
    await send(play.progress(1, 'Executing'));
    await sendTogether(interim(play.progress(2, 'Verifying')), play.execution(3, 'Completed'));
    await send(play.closure(4));
    await closed();
  },
  'confirmed-with-another-phase': async ({ play, handle, sendTogether, send, closed }) => {
    const execution = play.execution(1, 'Running');
    const { resource } = execution;
    if (resource === undefined) throw new Error('an execution is a resource');
    const last = { ...execution, phase: 'action' as const, resource: { ...resource, projectionHash: '00' } };
    await sendTogether(execution, last);
    const isStored = async (): Promise<boolean> => (await handle.query(auditProgress)).recording.length === 0;
    await until(isStored, 'both parts of the state are stored');
    await send(play.progress(2, 'Executing'));
    await send(play.closure(3));
    await closed();
  },
  deleted: async ({ play, send, closed }) => {
    await send(play.progress(1, 'Executing'), play.closure(2, { verdict: 'deleted-before-terminal' }));
    await closed();
  },
  'activity-retried': async ({ play, send, closed }) => {
    await send(play.execution(1, 'Running', FLAKY), play.execution(2, 'Completed', FLAKY), play.closure(3));
    await closed();
  },
  quarantined: async ({ play, send, closed }) => {
    await send(play.execution(1, 'Running', POISON), play.closure(2));
    await closed();
  },
  investigation: async ({ play, send, closed }) => {
    await send(play.analysis(1, 'first guess'), play.analysis(2, 'what it was'), play.closure(3));
    await closed();
  },
  'fragment-released': async ({ play, handle, send, closed }) => {
    await send(play.progress(1, 'Executing'), play.fragment(2, { failure_reason: 'TimedOut' }));
    await until(async () => (await handle.query(auditProgress)).parked === 1, 'the fragment waits');
    await send(play.analysis(3, 'found'), play.closure(4));
    await closed();
  },
  'fragment-at-closure': async ({ play, send, closed }) => {
    await send(play.fragment(1, { failure_reason: 'TimedOut' }), play.closure(2));
    await closed();
  },
  'late-run': async ({ play, send, closed }) => {
    await send(play.closure(9));
    await closed();
    await send(play.execution(8, 'Completed'));
    await closed();
  },
  orphan: async ({ play, send, closed }) => {
    await send(play.execution(1, 'Running'));
    await closed();
  },
  abandoned: async ({ play, send, closed }) => {
    const { resource, ...deletion } = play.execution(2, 'Failed');
    if (resource === undefined) throw new Error('an execution is a resource');
    const deletedAt = deletion.observedAt;
    await send(play.execution(1, 'Running'), { ...deletion, resource: { ...resource, deletedAt } });
    await closed();
  },
  'closed-by-operator': async ({ play, handle, send, closed }) => {
    await send(play.progress(1, 'Executing'));
    await handle.executeUpdate(closeAudit, { args: [{ reason: 'its cluster is gone', by: 'alice' }] });
    await closed();
  },
  cancelled: async ({ play, handle, send, closed }) => {
    await send(play.progress(1, 'Executing'));
    await until(
      async () => Object.keys((await handle.query(auditProgress)).records).length === 1,
      'the first observation is recorded',
    );
    await handle.cancel();
    await closed();
  },
  'late-fragment': async ({ play, send, closed }) => {
    await send(play.closure(9));
    await closed();
    await send(play.fragment(8, { failure_reason: 'TimedOut' }));
    await closed();
  },
  'late-within-grace': async ({ play, handle, send, closed }) => {
    await send(play.closure(9));
    const ended = async (): Promise<boolean> => (await handle.query(auditProgress)).end !== undefined;
    await until(ended, 'the closure is recorded');
    await send(play.execution(8, 'Completed'), play.progress(2, 'Executing'));
    await closed();
  },
  skipped: async ({ play, send, closed }) => {
    const skip = { ...play.execution(2, 'Skipped'), phase: 'skip' as const };
    await send(play.progress(1, 'Blocked'));
    await send({ ...skip, columns: { ...skip.columns, skip_reason: 'ResourceBusy' } }, play.closure(3));
    await closed();
  },
  'slow-model': async ({ play, send, closed }) => {
    await send(play.analysis(1, SLOW_REPORT), play.closure(2));
    await closed();
  },
  'closed-after-the-end': async ({ play, handle, send, closed }) => {
    await send(play.closure(9));
    await handle.executeUpdate(closeAudit, { args: [{ reason: 'enough', by: 'alice' }] });
    await closed();
  },
  'continued-as-new': manyObservations,
  'continued-run': manyObservations,
  'stored-elsewhere': async (stage) => {
    await sendTooMuch(stage, AWAY, { signals: 130, characters: 10_000 });
    await untilContinued(stage);
    await stage.send(stage.play.closure(1_000));
    await stage.closed();
  },
  // Large enough at once that the run stores several lists before it can carry the rest.
  'drained-before-continuing': async (stage) => {
    await sendTooMuch(stage, SLOW, { signals: 110, characters: 14_000 });
    await untilContinued(stage);
    await stage.send(stage.play.closure(1_000));
    await stage.closed();
  },
  deferred: ({ play, run }) => run(RECORD_DEFERRED, [[play.execution(1, 'Completed')]]),
  'partition-rollover': ({ run }) =>
    run('partitionRollover', [], { rollPartitionsOver: () => Promise.resolve(3) }),
  comparison: ({ run }) =>
    run('recordComparison', [], {
      planComparison: () => Promise.resolve([MARCH, APRIL]),
      compareRecords: (month) =>
        Promise.resolve({ records: 2, entries: 3, differences: month === MARCH ? 1 : 0 }),
    }),
  'comparison-stopped': ({ run }) =>
    run('recordComparison', [], {
      planComparison: () => Promise.resolve([MARCH, APRIL]),
      compareRecords: (month) =>
        month === MARCH
          ? Promise.reject(ApplicationFailure.nonRetryable('invalid page in block 4'))
          : Promise.resolve({ records: 0, entries: 0, differences: 0 }),
    }),
  'retention-nothing-due': retaining(planned()),
  'retention-dropped': retaining({}),
  'retention-awaits-approval': retaining({ sealMonth: () => Promise.resolve('awaits-approval') }),
  'retention-in-grace': retaining({ detachMonth: () => Promise.resolve('in-grace') }),
  'retention-reopened': retaining({ detachMonth: () => Promise.resolve('reopened') }),
  'retention-held': retaining({ dropMonth: () => Promise.resolve('held') }),
  'retention-later-steps': retaining(
    planned(
      { month: MARCH, action: 'drop' },
      { month: APRIL, action: 'detach' },
      { month: '2026-05-01', action: 'reattach' },
    ),
  ),
  'retention-orphans': retaining({ ...planned(), removeOrphans: () => Promise.resolve(2) }),
  'retention-orphans-stay': retaining({
    ...planned(),
    removeOrphans: () => Promise.reject(ApplicationFailure.nonRetryable('access denied')),
  }),
  'restore-loaded': restoring({}),
  'restore-kept': restoring({
    beginRestore: () => Promise.resolve({ kind: 'kept', until: '2026-12-21' }),
  }),
  'restore-moved': restoring({ attachRestoredMonth: movedOnce() }),
  'restore-refused': restoring({
    loadRestoredTable: () => Promise.reject(ApplicationFailure.nonRetryable('row 7 differs')),
  }),
  'retention-stopped': retaining({
    ...planned({ month: MARCH, action: 'archive' }, { month: APRIL, action: 'drop' }),
    verifyExport: () =>
      Promise.reject(ApplicationFailure.nonRetryable('row 7 differs', 'ArchiveDamagedError')),
  }),
  'deferred-quarantined': ({ play, run }) => run(RECORD_DEFERRED, [[play.execution(1, 'Completed', POISON)]]),
  'deferred-retried': ({ play, run }) => run(RECORD_DEFERRED, [[play.execution(1, 'Completed', FLAKY)]]),
};

/** Histories of the run that ended by continuing as new, not of the last one. */
export const FIRST_RUN_OF: ReadonlySet<string> = new Set([
  'continued-as-new',
  'stored-elsewhere',
  'drained-before-continuing',
]);

/** `xxx` in base64. A history with megabytes of it is kept with the number of its repetitions. */
const FILLER = 'eHh4';

export const withoutFiller = (history: string): string =>
  history.replaceAll(
    new RegExp(`(?:${FILLER}){100,}`, 'g'),
    (all) => `{${all.length / FILLER.length} fillers}`,
  );

export const withFiller = (history: string): string =>
  history.replaceAll(/\{(\d+) fillers\}/g, (_all, times: string) => FILLER.repeat(Number(times)));
