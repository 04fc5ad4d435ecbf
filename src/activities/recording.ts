/*
 * Activities: what workflows may do outside. Each group of types.ts has its file, which makes the functions from their
 * dependencies; no file here opens a connection.
 *
 * This one stores observations. What comes in: a list of one audit phase of one remediation. What goes out: the rows that
 * were written, and by index which observations PostgreSQL can never take (they are in quarantine) and which have to wait
 * for their month while the others are stored. What an activity is given is redacted and bounded once more
 * (receive-observation.ts), and what is no observation goes to the quarantine.
 *
 * What must stay true: an activity may run twice at the same time and be killed anywhere. So all of them are safe to
 * repeat; an ordinary error means "again", and only what no repetition can make right is answered as a result.
 */
import { ApplicationFailure } from '@temporalio/common';

import type { VerdictReader } from '../database/reading/remediation-reader.ts';
import { RecordDelayedError } from '../database/recording/batcher.ts';
import type { RecordOutcome } from '../database/recording/prepared-observation.ts';
import type { Quarantine } from '../database/recording/quarantine.ts';
import { reasonOf } from '../domain/errors.ts';
import type { Observation } from '../domain/observation.ts';
import { ACTIVITY_BY_PHASE, AUDIT_PHASES, recordName } from '../domain/observation.ts';
import { definitionOf } from '../domain/records/index.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Received, ReceiveObservation } from './receive-observation.ts';
import type {
  RecordedList,
  RecordedRow,
  RecordingActivities,
  VerdictActivities,
  VerdictQuestion,
} from './types.ts';

interface RecordingDependencies {
  /** Stores a list in one transaction, which lists that come at the same time share. What became of each, in their order. */
  readonly record: (
    observations: readonly Observation[],
  ) => Promise<readonly PromiseSettledResult<RecordOutcome>[]>;
  /** Says of each what it is, before anything else is done with it. */
  readonly receive: ReceiveObservation;
  readonly quarantine: Quarantine;
  readonly verdicts: VerdictReader;
  readonly metrics: Metrics;
}

class RecordingError extends Error {
  // The observations are no part of it: Temporal's worker logs an error with all its fields, at every attempt.
  readonly table: string;
  readonly key: string;

  constructor(observations: readonly [Observation, ...Observation[]], cause: unknown) {
    const [{ table, key, phase, columns }, ...others] = observations;
    const { namespace = '', remediation_id: remediation = '' } = columns;
    const record = `${phase} of ${String(namespace)}/${String(remediation)} (${key})`;
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    const reason = reasonOf(cause);
    super(`cannot store ${record}${more}: ${reason}`, { cause });
    this.name = 'RecordingError';
    this.table = table;
    this.key = key;
  }
}

type Settled = PromiseSettledResult<RecordOutcome>;

/** Every recording activity stores a list; whatever may pass by itself is thrown, and Temporal tries the list again. */
export function createRecordingActivities(dependencies: RecordingDependencies): RecordingActivities {
  const record = async (
    sent: readonly Observation[],
    { verdictOf }: VerdictQuestion = {},
  ): Promise<RecordedList> => {
    if (!Array.isArray(sent)) throw ApplicationFailure.nonRetryable('what is to be recorded is no list');
    const received = sent.map(dependencies.receive);
    const observations = received.map(({ observation }) => observation);
    const [first, ...others] = observations;
    if (first === undefined) throw ApplicationFailure.nonRetryable('a list to record is empty');
    const began = performance.now();
    try {
      // Before anything is stored: the list may bring the verdict itself.
      const verdict =
        verdictOf && (await dependencies.verdicts.selectVerdict(verdictOf.cluster, verdictOf.uid));
      const settled = await recordSound(dependencies, received);
      requireProgress(settled);
      await setAsideRefused(dependencies, observations, settled);
      countStored(dependencies.metrics, observations, settled, secondsSince(began));
      return { ...answerOf(observations, settled), ...(verdict === undefined ? {} : { verdict }) };
    } catch (error: unknown) {
      dependencies.metrics.recordingErrors.inc();
      dependencies.metrics.sources.failed(first.table, 'kubernetes_execution', secondsSince(began));
      // The message is what an operator reads under "pending activities": it says which records wait, and for what.
      throw new RecordingError([first, ...others], error);
    }
  };
  return Object.fromEntries(
    AUDIT_PHASES.map((phase) => [ACTIVITY_BY_PHASE[phase], record]),
  ) as RecordingActivities;
}

/** Stores what is an observation; of what is none the answer is known. */
async function recordSound(
  { record }: RecordingDependencies,
  received: readonly Received[],
): Promise<readonly Settled[]> {
  const sound = received.filter(({ fault }) => fault === undefined).map(({ observation }) => observation);
  const stored = [...(sound.length === 0 ? [] : await record(sound))];
  return received.flatMap(({ fault }): Settled[] => {
    const one = fault === undefined ? stored.shift() : ({ status: 'fulfilled', value: fault } as const);
    return one === undefined ? [] : [one];
  });
}

/**
 * A month or a table that is not there delays its own records only. But a list of which nothing is stored is tried again
 * by Temporal, with its pauses, where an operator sees it.
 */
function requireProgress(settled: readonly Settled[]): void {
  const failures = settled.flatMap((one) => (one.status === 'rejected' ? [asError(one.reason)] : []));
  const serious = failures.find((reason) => !(reason instanceof RecordDelayedError));
  if (serious !== undefined) throw serious;
  const [delayed] = failures;
  if (delayed !== undefined && failures.length === settled.length) throw delayed;
}

/** Failing the activity would hold back everything behind a value that no retry can make storable. */
async function setAsideRefused(
  { quarantine, metrics }: RecordingDependencies,
  observations: readonly Observation[],
  settled: readonly Settled[],
): Promise<void> {
  for (const [index, observation] of observations.entries()) {
    const outcome = outcomeAt(settled, index);
    if (outcome?.status !== 'refused') continue;
    await quarantine.insert(observation, outcome);
    metrics.observationsQuarantined.inc({ sqlstate: outcome.sqlstate });
  }
}

/** The sources' metrics count in whichever process stores the record. */
function countStored(
  metrics: Metrics,
  observations: readonly Observation[],
  settled: readonly Settled[],
  seconds: number,
): void {
  for (const [index, observation] of observations.entries()) {
    const outcome = outcomeAt(settled, index);
    if (outcome?.status !== 'stored') continue;
    metrics.observationsRecorded.inc({ phase: observation.phase });
    metrics.sources.stored(observation, seconds, outcome.phases);
  }
}

function answerOf(observations: readonly Observation[], settled: readonly Settled[]): RecordedList {
  const rows = new Map<string, RecordedRow>();
  const quarantined: number[] = [];
  const later: number[] = [];
  for (const [index, observation] of observations.entries()) {
    const outcome = outcomeAt(settled, index);
    if (outcome === undefined) later.push(index);
    else if (outcome.status === 'refused') quarantined.push(index);
    else rows.set(recordName(observation), rowOf(observation, outcome));
  }
  const stored = observations.length - quarantined.length - later.length;
  const summary = [
    `${counted(stored, 'observation')} stored in ${counted(rows.size, 'row')}`,
    ...(quarantined.length === 0 ? [] : [`${quarantined.length} in quarantine`]),
    ...(later.length === 0 ? [] : [`${later.length} to be stored later`]),
  ].join(', ');
  return {
    summary,
    rows: [...rows.values()],
    ...(quarantined.length === 0 ? {} : { quarantined }),
    ...(later.length === 0 ? {} : { later }),
  };
}

function rowOf(observation: Observation, { id, createdAt }: { id: string; createdAt: string }): RecordedRow {
  const { kind } = definitionOf(observation.table);
  return { record: recordName(observation), id, createdAt, row: `/api/v1/audit/${kind}/${id}` };
}

function outcomeAt(settled: readonly Settled[], index: number): RecordOutcome | undefined {
  const one = settled[index];
  return one?.status === 'fulfilled' ? one.value : undefined;
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));
const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
const secondsSince = (began: number): number => (performance.now() - began) / 1_000;

export function createVerdictActivities(reader: VerdictReader): VerdictActivities {
  return {
    async readVerdict({ cluster, uid }) {
      try {
        return await reader.selectVerdict(cluster, uid);
      } catch (error: unknown) {
        const reason = reasonOf(error);
        throw new Error(`cannot read the verdict of remediation ${uid} in ${cluster}: ${reason}`, {
          cause: error,
        });
      }
    },
  };
}
