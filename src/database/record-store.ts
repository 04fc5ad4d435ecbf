import type pg from 'pg';

import { isNestedBeyond } from '../domain/bounds.ts';
import { monthOf } from '../domain/instant.ts';
import { MAX_BODY_DEPTH } from '../domain/limits.ts';
import type { Observation } from '../domain/observation.ts';
import type { ColumnType, RecordDefinition } from '../domain/records/definition.ts';
import { definitionOf, RECORD_DEFINITIONS } from '../domain/records/index.ts';
import { repairColumns, repairText } from '../domain/repair.ts';
import { recordId } from '../identity/record-id.ts';
import { createMonth } from './partitions.ts';
import { inTransaction } from './pool.ts';
import type { PreparedObservation } from './prepared-observation.ts';
import { prepareObservation } from './prepared-observation.ts';
import { settleHomes } from './record-home.ts';
import { mergeRows } from './record-rows.ts';
import { persistently } from './retry.ts';
import type { ErrorClass } from './sqlstate.ts';
import { classifyError, SQLSTATE, sqlStateOf } from './sqlstate.ts';

export interface StoredRecord {
  readonly status: 'stored';
  readonly id: string;
  /** The record's home, which may differ from what the observation said. */
  readonly createdAt: string;
  /** Accepted observations of this record so far. */
  readonly revision: number;
}

/** PostgreSQL will never take it. Whoever brought it decides: quarantine, or an answer that names the field. */
export interface RefusedRecord {
  readonly status: 'refused';
  readonly id: string;
  readonly reason: string;
  readonly sqlstate: string;
}

export type RecordOutcome = StoredRecord | RefusedRecord;

export interface RecordStore {
  /**
   * Stores observations: each ends in its record's row and, unless it is a repetition, in one ledger entry, both in one
   * transaction. Repeating it changes nothing. Answers in the order of the observations; one that can never be stored
   * does not keep the others out. Throws when the database cannot store now: then try the same again.
   */
  record(observations: readonly Observation[]): Promise<RecordOutcome[]>;
}

const HOPELESS: ReadonlySet<ErrorClass> = new Set(['poison', 'repairable']);
const NUMBERS: ReadonlySet<ColumnType> = new Set(['numeric', 'bigint', 'integer']);
/** Between two attempts another writer may decide a home in yet another month that is missing. */
const MONTH_ATTEMPTS = 3;

export function createRecordStore(pool: pg.Pool): RecordStore {
  return {
    record: async (observations) => {
      const outcomes = new Map<PreparedObservation, RecordOutcome>();
      const answers = observations.map(prepareOrRefuse);
      const prepared = answers.filter((answer) => 'observation' in answer);
      if (prepared.length > 0) await storeOrSplit(pool, prepared, outcomes);
      return answers.map((answer) => ('observation' in answer ? outcomeOf(outcomes, answer) : answer));
    },
  };
}

/**
 * What could not be read back from the ledger must not get into it, where it would stop every later fold of its record.
 * PostgreSQL would take some of it: `0x10` for an integer, JSON of ten thousand levels.
 */
function prepareOrRefuse(observation: Observation): PreparedObservation | RefusedRecord {
  const refuse = (fault: Fault): RefusedRecord => ({
    status: 'refused',
    id: recordId(observation.table, observation.cluster, observation.key),
    ...fault,
  });
  const fault = findFault(definitionOf(observation.table), observation);
  if (fault !== undefined) return refuse(fault);
  try {
    return prepareObservation(observation);
  } catch (error: unknown) {
    if (!(error instanceof SyntaxError)) throw error;
    return refuse({ reason: error.message, sqlstate: SQLSTATE.invalid_text_representation });
  }
}

type Fault = Pick<RefusedRecord, 'reason' | 'sqlstate'>;

const INTEGER = /^-?\d+$/;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function findFault(definition: RecordDefinition, { sourceVersion, columns }: Observation): Fault | undefined {
  const sqlstate = SQLSTATE.invalid_text_representation;
  if (!INTEGER.test(sourceVersion))
    return { reason: `source_version: ${sourceVersion} is no integer`, sqlstate };
  for (const { name, type } of definition.columns) {
    const value = columns[name];
    if (typeof value !== 'string') continue;
    if (type === 'jsonb') {
      if (value.length > MAX_BODY_DEPTH && isNestedBeyond(value, MAX_BODY_DEPTH)) {
        const reason = `${name}: JSON is nested deeper than ${MAX_BODY_DEPTH} levels`;
        return { reason, sqlstate: SQLSTATE.statement_too_complex };
      }
    } else if (NUMBERS.has(type) && !JSON_NUMBER.test(value)) {
      return { reason: `${name}: ${value} is no number of JSON`, sqlstate };
    }
  }
  return undefined;
}

/** One transaction for all of them; when one is hopeless, halves, until it stands alone. */
async function storeOrSplit(
  pool: pg.Pool,
  prepared: readonly PreparedObservation[],
  outcomes: Map<PreparedObservation, RecordOutcome>,
): Promise<void> {
  try {
    const stored = await persistently(() => storeWithMonths(pool, prepared));
    prepared.forEach((observation, index) => {
      outcomes.set(observation, stored[index] ?? missingAnswer(observation));
    });
  } catch (error: unknown) {
    if (!HOPELESS.has(classifyError(error))) throw error;
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

/** A character that PostgreSQL refuses is replaced and the record kept; what it refuses all the same is refused. */
async function repairOrRefuse(
  pool: pg.Pool,
  refused: PreparedObservation,
  cause: unknown,
): Promise<RecordOutcome> {
  let hopeless = cause;
  if (classifyError(cause) === 'repairable') {
    try {
      const [stored] = await persistently(() => storeWithMonths(pool, [repair(refused)]));
      if (stored !== undefined) return stored;
    } catch (error: unknown) {
      if (!HOPELESS.has(classifyError(error))) throw error;
      // The character is gone by now: this is what really keeps it out.
      hopeless = error;
    }
  }
  const reason = hopeless instanceof Error ? hopeless.message : String(hopeless);
  return { status: 'refused', id: refused.id, reason, sqlstate: sqlStateOf(hopeless) ?? '' };
}

function repair({ observation, definition }: PreparedObservation): PreparedObservation {
  return prepareObservation({
    ...observation,
    actor: repairText(observation.actor),
    columns: repairColumns(definition, observation.columns).value,
  });
}

async function storeWithMonths(
  pool: pg.Pool,
  prepared: readonly PreparedObservation[],
): Promise<StoredRecord[]> {
  for (let attempt = 1; ; attempt += 1) {
    // The homes of an attempt that failed: decided in a transaction that was rolled back, they bind nobody.
    const found: Homes = { homes: new Map() };
    try {
      return await storeTogether(pool, prepared, found);
    } catch (error: unknown) {
      if (attempt === MONTH_ATTEMPTS || classifyError(error) !== 'missing-partition') throw error;
      // A record may live in a month that was never made, or in one that an earlier observation decided.
      for (const month of new Set([...found.homes.values()].map(monthOf))) await createMonth(pool, month);
    }
  }
}

interface Homes {
  homes: ReadonlyMap<string, string>;
}

async function storeTogether(
  pool: pg.Pool,
  prepared: readonly PreparedObservation[],
  found: Homes,
): Promise<StoredRecord[]> {
  return inTransaction(pool, async (client) => {
    const homes = await settleHomes(client, prepared);
    found.homes = homes;
    const revisions = new Map<string, number>();
    for (const definition of RECORD_DEFINITIONS) {
      const ofTable = prepared.filter(({ observation }) => observation.table === definition.table);
      if (ofTable.length === 0) continue;
      for (const [id, revision] of await mergeRows(client, definition, ofTable, homes))
        revisions.set(id, revision);
    }
    return prepared.map(({ id }) => ({
      status: 'stored',
      id,
      createdAt: homes.get(id) ?? '',
      revision: revisions.get(id) ?? 0,
    }));
  });
}

function outcomeOf(
  outcomes: ReadonlyMap<PreparedObservation, RecordOutcome>,
  observation: PreparedObservation,
): RecordOutcome {
  return outcomes.get(observation) ?? missingAnswer(observation);
}

function missingAnswer({ id }: PreparedObservation): never {
  throw new Error(`the store gave no answer for record ${id}`);
}
