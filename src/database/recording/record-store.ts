import type pg from 'pg';

import { reasonOf } from '../../domain/errors.ts';
import { monthOf } from '../../domain/instant.ts';
import type { Observation } from '../../domain/observation.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { definitionOf, RECORD_DEFINITIONS, UnknownRecordTableError } from '../../domain/records/index.ts';
import { recordId } from '../../identity/record-id.ts';
import { createMonth } from '../months/partitions.ts';
import { inShortTransaction, inTurn, type LastPart } from '../pool.ts';
import type { ErrorClass } from '../sqlstate.ts';
import { classifyError, SQLSTATE, sqlStateOf } from '../sqlstate.ts';
import { FIRST_REVISION, insertOfRows } from './new-rows.ts';
import type { Fault } from './observation-fault.ts';
import { findFault } from './observation-fault.ts';
import { upsertOfObservedResources } from './observed-resource-writer.ts';
import type { PreparedObservation } from './prepared-observation.ts';
import { prepareObservation, repairObservation } from './prepared-observation.ts';
import { settleHomes } from './record-location.ts';
import { mergeRows } from './record-rows.ts';
import { persistently } from './retry.ts';

export interface StoredRecord {
  readonly status: 'stored';
  readonly id: string;
  /** The record's home, which may differ from what the observation said. */
  readonly createdAt: string;
  /** Accepted observations of this record so far. */
  readonly revision: number;
  /** Columns in which a character was replaced that PostgreSQL does not take. */
  readonly repaired: readonly string[];
}

/** PostgreSQL will never take it. Whoever brought it decides: quarantine, or an answer that names the field. */
export interface RefusedRecord extends Fault {
  readonly status: 'refused';
  readonly id: string;
}

export type RecordOutcome = StoredRecord | RefusedRecord;

/** The others were stored; this one waits for its month or its table, and whoever brought it brings it again. */
export interface DelayedRecord extends Fault {
  readonly status: 'later';
  readonly id: string;
}

export interface RecordStore {
  /**
   * Stores observations: each ends in its record's row and, unless it is a repetition, in one ledger entry, both in one
   * transaction. Repeating it changes nothing. Answers in the order of the observations; one that can never be stored
   * does not keep the others out, nor does one whose month or table is not there. Throws when none can be stored now:
   * then try the same again.
   */
  record(observations: readonly Observation[]): Promise<(RecordOutcome | DelayedRecord)[]>;
}

const HOPELESS: ReadonlySet<ErrorClass> = new Set(['poison', 'repairable']);
/** What one month or one table can suffer from while the others are well. */
const LOCAL: ReadonlySet<ErrorClass> = new Set(['missing-partition', 'deployment']);
/** Between two attempts another writer may decide a home in yet another month that is missing. */
const MONTH_ATTEMPTS = 3;

type Outcomes = Map<PreparedObservation, RecordOutcome | DelayedRecord>;

export function createRecordStore(pool: pg.Pool): RecordStore {
  return {
    record: async (observations) => {
      const outcomes: Outcomes = new Map();
      const answers = observations.map(prepareOrAnswer);
      const [first] = observations;
      if (first !== undefined && answers.every(isDelayed)) throw new UnknownRecordTableError(first.table);
      const prepared = answers.filter((answer) => 'observation' in answer);
      if (prepared.length > 0) await storeOrSplit(pool, prepared, outcomes);
      return answers.map((answer) =>
        'observation' in answer ? (outcomes.get(answer) ?? missingAnswer(answer)) : answer,
      );
    },
  };
}

function prepareOrAnswer(observation: Observation): PreparedObservation | RefusedRecord | DelayedRecord {
  const { table, cluster, key } = observation;
  const answer = <S extends string>(status: S, fault: Fault): Fault & { status: S; id: string } => ({
    status,
    id: recordId(table, cluster, key),
    ...fault,
  });
  try {
    const fault = findFault(definitionOf(table), observation);
    return fault === undefined ? prepareObservation(observation) : answer('refused', fault);
  } catch (error: unknown) {
    // During an upgrade a watcher may know a table that this process does not know yet.
    if (error instanceof UnknownRecordTableError)
      return answer('later', { reason: error.message, sqlstate: SQLSTATE.undefined_table });
    if (!(error instanceof SyntaxError)) throw error;
    return answer('refused', { reason: error.message, sqlstate: SQLSTATE.invalid_text_representation });
  }
}

/**
 * One transaction for all of them. When one is hopeless, halves, until it stands alone; when a month or a table is
 * missing, each month of each table by itself.
 */
async function storeOrSplit(
  pool: pg.Pool,
  prepared: readonly PreparedObservation[],
  outcomes: Outcomes,
): Promise<void> {
  const found: FoundHomes = { homes: new Map() };
  try {
    const stored = await persistently(() => storeWithMonths(pool, prepared, found));
    prepared.forEach((observation, index) => {
      outcomes.set(observation, stored[index] ?? missingAnswer(observation));
    });
  } catch (error: unknown) {
    const errorClass = classifyError(error);
    if (LOCAL.has(errorClass)) {
      await storeParts(pool, partsOf(prepared, found.homes), { outcomes, cause: error });
      return;
    }
    if (!HOPELESS.has(errorClass)) throw error;
    const [only, ...others] = prepared;
    if (only === undefined) throw error;
    if (others.length === 0) {
      outcomes.set(only, await repairOrRefuse(pool, only, error));
      return;
    }
    const middle = Math.ceil(prepared.length / 2);
    await storeOrSplit(pool, prepared.slice(0, middle), outcomes);
    await storeOrSplit(pool, prepared.slice(middle), outcomes);
  }
}

/** What shares a partition: one month of one table. */
function partsOf(
  prepared: readonly PreparedObservation[],
  homes: ReadonlyMap<string, string>,
): PreparedObservation[][] {
  const partOf = ({ id, observation }: PreparedObservation): string =>
    `${observation.table} ${monthOf(homes.get(id) ?? observation.createdAt)}`;
  return [...Map.groupBy(prepared, partOf).values()];
}

/** Throws the cause when no part can be stored: then it is no trouble of one month or table. */
async function storeParts(
  pool: pg.Pool,
  parts: readonly (readonly PreparedObservation[])[],
  { outcomes, cause }: { readonly outcomes: Outcomes; readonly cause: unknown },
): Promise<void> {
  if (parts.length === 1) throw cause;
  let delayed = 0;
  for (const part of parts) {
    try {
      await storeOrSplit(pool, part, outcomes);
    } catch (error: unknown) {
      if (!LOCAL.has(classifyError(error))) throw error;
      delayed += 1;
      if (delayed === parts.length) throw error;
      const fault = faultOf(error);
      for (const observation of part)
        outcomes.set(observation, { status: 'later', id: observation.id, ...fault });
    }
  }
}

function faultOf(error: unknown): Fault {
  return {
    reason: reasonOf(error),
    sqlstate: sqlStateOf(error) ?? '',
  };
}

/** A character that PostgreSQL refuses is replaced and the record kept; what it refuses all the same is refused. */
async function repairOrRefuse(
  pool: pg.Pool,
  refused: PreparedObservation,
  cause: unknown,
): Promise<RecordOutcome> {
  let hopeless = cause;
  if (classifyError(cause) === 'repairable') {
    try {
      const repaired = repairObservation(refused);
      const [stored] = await persistently(() => storeWithMonths(pool, [repaired], { homes: new Map() }));
      if (stored !== undefined) return stored;
    } catch (error: unknown) {
      if (!HOPELESS.has(classifyError(error))) throw error;
      // The character is gone by now: this is what really keeps it out.
      hopeless = error;
    }
  }
  return { status: 'refused', id: refused.id, ...faultOf(hopeless) };
}

/** Leaves in `found` the homes of the last attempt. Decided in a transaction that was rolled back, they bind nobody. */
async function storeWithMonths(
  pool: pg.Pool,
  prepared: readonly PreparedObservation[],
  found: FoundHomes,
): Promise<StoredRecord[]> {
  for (let attempt = 1; ; attempt += 1) {
    found.homes = new Map();
    try {
      return await storeTogether(pool, prepared, found);
    } catch (error: unknown) {
      if (attempt === MONTH_ATTEMPTS || classifyError(error) !== 'missing-partition') throw error;
      // A record may live in a month that was never made, or in one that an earlier observation decided.
      for (const month of new Set([...found.homes.values()].map(monthOf))) await createMonth(pool, month);
    }
  }
}

interface FoundHomes {
  homes: ReadonlyMap<string, string>;
}

async function storeTogether(
  pool: pg.Pool,
  prepared: readonly PreparedObservation[],
  found: FoundHomes,
): Promise<StoredRecord[]> {
  const store = (mayInsert: boolean): Promise<StoredRecord[]> =>
    inShortTransaction(pool, {
      first: async (client) => {
        const homes = await settleHomes(client, prepared);
        found.homes = homes.of;
        return { homes: homes.of, areNew: mayInsert && homes.areNew && homes.of.size === prepared.length };
      },
      last: ({ homes, areNew }) =>
        areNew ? insertAll(prepared, homes) : { work: (client) => mergeAll(client, prepared, homes) },
    });
  try {
    return await store(true);
  } catch (error: unknown) {
    // A row whose home was lost, by a restore of single tables for example: found out only by inserting it.
    if (sqlStateOf(error) !== SQLSTATE.unique_violation) throw error;
    return store(false);
  }
}

/** Records that are new, one observation each: nothing is learnt from the answers, so the commit need not wait for them. */
function insertAll(
  prepared: readonly PreparedObservation[],
  homes: ReadonlyMap<string, string>,
): LastPart<StoredRecord[]> {
  const inserts = byTable(prepared).map(([definition, ofTable]) => insertOfRows(definition, ofTable, homes));
  return {
    statements: [...inserts, ...upsertsOfResources(prepared)],
    result: prepared.map((one) => storedRecord(one, homes, FIRST_REVISION)),
  };
}

async function mergeAll(
  client: pg.PoolClient,
  prepared: readonly PreparedObservation[],
  homes: ReadonlyMap<string, string>,
): Promise<StoredRecord[]> {
  const revisions = new Map<string, number>();
  const merges = byTable(prepared).map(([definition, ofTable]) => async () => {
    const merged = await mergeRows(client, definition, ofTable, homes);
    for (const [id, revision] of merged) revisions.set(id, revision);
  });
  const upserts = upsertsOfResources(prepared).map((upsert) => () => client.query(upsert));
  await inTurn(client, [...merges, ...upserts]);
  return prepared.map((one) => storedRecord(one, homes, revisions.get(one.id) ?? 0));
}

/** Tables in one order for all writers, so that two of them take their locks in one order. */
function byTable(
  prepared: readonly PreparedObservation[],
): (readonly [definition: RecordDefinition, ofTable: readonly PreparedObservation[]])[] {
  const groups = Map.groupBy(prepared, ({ observation }) => observation.table);
  return RECORD_DEFINITIONS.flatMap((definition) => {
    const ofTable = groups.get(definition.table);
    return ofTable === undefined ? [] : [[definition, ofTable] as const];
  });
}

function upsertsOfResources(prepared: readonly PreparedObservation[]): pg.QueryConfig[] {
  const upsert = upsertOfObservedResources(prepared.map(({ observation }) => observation));
  return upsert === undefined ? [] : [upsert];
}

function storedRecord(
  { id, repaired }: Pick<PreparedObservation, 'id' | 'repaired'>,
  homes: ReadonlyMap<string, string>,
  revision: number,
): StoredRecord {
  return { status: 'stored', id, createdAt: homes.get(id) ?? '', revision, repaired };
}

function isDelayed(answer: PreparedObservation | RefusedRecord | DelayedRecord): boolean {
  return 'status' in answer && answer.status === 'later';
}

function missingAnswer({ id }: PreparedObservation): never {
  throw new Error(`the store gave no answer for record ${id}`);
}
