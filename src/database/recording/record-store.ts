import type pg from 'pg';

import type { Observation } from '../../domain/observation.ts';
import { UnknownRecordTableError } from '../../domain/records/index.ts';
import { recordId } from '../../identity/identities.ts';
import { SQLSTATE } from '../sqlstate.ts';
import type {
  DelayedRecord,
  Fault,
  PreparedObservation,
  RecordOutcome,
  RefusedRecord,
} from './prepared-observation.ts';
import { findFault, prepareObservation } from './prepared-observation.ts';
import { storeAll } from './store-worklist.ts';
import { type BatchWriterOptions, createBatchWriter } from './write-batch.ts';

/*
 * Recording: how observations become rows.
 *
 * In: observations, from activities and from posts, one at a time (batcher.ts) or as a list. Out: an outcome for each:
 * stored, refused (its caller puts it into the quarantine or names the field) or later (it is sent again).
 * On the way: prepare without the database (prepared-observation), then batches of a worklist (store-worklist), each
 * written in one transaction (write-batch): find the record by its names (record-aliases) and its location (record-location), append to the ledger
 * and merge into the rows (record-rows, through recording-functions), note what the watcher saw (write-batch).
 *
 * Must stay true: ledger entry and row are written in one transaction; repeating an observation changes nothing; the row is
 * the fold of its ledger entries, whatever order they came in; the location of a record changes once at most, from what posts
 * said to the creation time of its resource; every writer takes its locks in one order (locations, tables, then keys); one observation that cannot be stored does not keep out the others.
 */

export interface RecordStore {
  /**
   * Stores observations: each ends in its record's row and, unless it is a repetition, in one ledger entry, both in one
   * transaction. Repeating it changes nothing. Answers in the order of the observations; one that can never be stored
   * does not keep the others out, nor does one whose month or table is not there. Throws when none can be stored now:
   * then try the same again.
   */
  record(observations: readonly Observation[]): Promise<(RecordOutcome | DelayedRecord)[]>;
}

export function createRecordStore(pool: pg.Pool, options: BatchWriterOptions = {}): RecordStore {
  const write = createBatchWriter(pool, options);
  return {
    record: async (observations) => {
      const answers = observations.map(prepareOrAnswer);
      const [first] = observations;
      if (first !== undefined && answers.every(isDelayed)) throw new UnknownRecordTableError(first.table);
      const outcomes = await storeAll(answers.filter(isPrepared), write);
      return answers.map((answer) => (isPrepared(answer) ? (outcomes.shift() ?? noOutcome(answer)) : answer));
    },
  };
}

type Answer = PreparedObservation | RefusedRecord | DelayedRecord;

function prepareOrAnswer(observation: Observation): Answer {
  const { table, cluster, key } = observation;
  const answer = <S extends string>(status: S, fault: Fault): Fault & { status: S; id: string } => ({
    status,
    id: recordId(table, cluster, key),
    ...fault,
  });
  try {
    const fault = findFault(observation);
    return fault === undefined ? prepareObservation(observation) : answer('refused', fault);
  } catch (error: unknown) {
    // During an upgrade a watcher may know a table that this process does not know yet.
    if (error instanceof UnknownRecordTableError)
      return answer('later', { reason: error.message, sqlstate: SQLSTATE.undefined_table });
    if (!(error instanceof SyntaxError)) throw error;
    return answer('refused', { reason: error.message, sqlstate: SQLSTATE.invalid_text_representation });
  }
}

function isPrepared(answer: Answer): answer is PreparedObservation {
  return 'observation' in answer;
}

function isDelayed(answer: Answer): boolean {
  return 'status' in answer && answer.status === 'later';
}

function noOutcome({ id }: PreparedObservation): never {
  throw new Error(`record ${id} was neither stored nor refused`);
}
