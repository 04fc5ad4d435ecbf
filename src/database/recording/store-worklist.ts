import { reasonOf } from '../../domain/errors.ts';
import { monthOf } from '../../domain/instant.ts';
import { STORE_ATTEMPTS } from '../../domain/limits.ts';
import type { ErrorClass } from '../sqlstate.ts';
import { classifyError, SQLSTATE, sqlStateOf } from '../sqlstate.ts';
import type {
  DelayedRecord,
  Fault,
  PreparedObservation,
  RecordOutcome,
  StoredRecord,
} from './prepared-observation.ts';
import { repairObservation } from './prepared-observation.ts';
import type { Locations } from './record-location.ts';

/*
 * What is done with observations that PostgreSQL does not take together.
 *
 * A batch is what one transaction writes. All observations enter as one batch. A batch that is written leaves with the
 * outcome `stored`; one that fails is replaced as STEPS says by the class of its error:
 *
 *   retry          the same batch after a pause, at most STORE_ATTEMPTS times in all
 *   create-months  the same batch after its months were created, at most MONTH_ROUNDS times
 *   split          one batch for each partition, when there are several
 *   bisect         two halves, when it has more than one observation
 *   repair         the same observation with every refused character replaced, once
 *   refuse         leaves with the outcome `refused`
 *   delay          leaves with the outcome `later`
 *   throw          ends everything: the caller sends all of it again, which repeats nothing
 *
 * Invariant: each observation is in exactly one batch or has exactly one outcome. It ends because a batch is only ever
 * replaced by smaller ones, or by itself with one of three counters advanced. Nothing here but `write` does I/O.
 */

/** One observation, with its index in what the caller brought. */
interface Item {
  readonly index: number;
  readonly observation: PreparedObservation;
}

export interface Batch {
  readonly items: readonly Item[];
  /** How often it was written again because of contention. */
  readonly retries: number;
  /** How often its months were created. */
  readonly monthRounds: number;
  readonly isRepaired: boolean;
  /** Months to create before it is written, first days. */
  readonly months: readonly string[];
  /** As the attempt before resolved them. */
  readonly locations: Locations;
  /** How long to wait before it is written. */
  readonly pauseMs: number;
  /** False when a row exists of a record that has no location any more: then an insert would fail again. */
  readonly mayInsert: boolean;
}

export interface Failure {
  readonly error: unknown;
  /** As far as they were known. Decided in a transaction that was rolled back, they are only a hint. */
  readonly locations: Locations;
}

/** Writes a batch in one transaction; the records stored, in the order of its items, or why none was. */
export type WriteBatch = (batch: Batch) => Promise<{ readonly stored: readonly StoredRecord[] } | Failure>;

export type Step = 'retry' | 'create-months' | 'split' | 'bisect' | 'repair' | 'refuse' | 'delay' | 'throw';

/** What follows an error, by its class: the first step that the batch still has. */
const STEPS: Readonly<Record<ErrorClass, readonly Step[]>> = {
  contention: ['retry', 'throw'],
  'missing-partition': ['create-months', 'split', 'delay'],
  // Perhaps only one table is not as this release expects it.
  deployment: ['split', 'delay'],
  repairable: ['bisect', 'repair', 'refuse'],
  poison: ['bisect', 'refuse'],
  connection: ['throw'],
  resources: ['throw'],
  corruption: ['throw'],
  unknown: ['throw'],
};

/** Between two attempts another writer may decide a location in yet another month that is missing. */
const MONTH_ROUNDS = 2;
const FIRST_PAUSE_MS = 20;

type Outcome = RecordOutcome | DelayedRecord;

/** Batches to write next, and outcomes of the observations that are in none of them; neither for `throw`. */
interface Next {
  readonly batches: readonly Batch[];
  readonly outcomes: readonly (readonly [index: number, outcome: Outcome])[];
}

/** Undefined where the batch does not have that step any more. */
type TakeStep = (batch: Batch, failure: Failure) => Next | undefined;

const TAKE: Readonly<Record<Step, TakeStep>> = {
  retry: (batch, { error }) => {
    if (batch.retries + 1 >= STORE_ATTEMPTS) return undefined;
    const again = {
      ...batch,
      retries: batch.retries + 1,
      pauseMs: FIRST_PAUSE_MS * 2 ** batch.retries,
      mayInsert: batch.mayInsert && sqlStateOf(error) !== SQLSTATE.unique_violation,
    };
    return replacedBy(again);
  },
  'create-months': (batch, { locations }) => {
    if (batch.monthRounds >= MONTH_ROUNDS) return undefined;
    // The month of its location may never have been made, or an earlier observation may have decided another month.
    const months = [...new Set([...locations.values()].map(monthOf))];
    return replacedBy({ ...batch, monthRounds: batch.monthRounds + 1, months, locations, pauseMs: 0 });
  },
  split: ({ items }, { locations }) => {
    const parts = Map.groupBy(items, ({ observation }) => partitionOf(observation, locations));
    return parts.size > 1 ? replacedBy(...[...parts.values()].map(newBatch)) : undefined;
  },
  bisect: ({ items }) => {
    if (items.length < 2) return undefined;
    const middle = Math.ceil(items.length / 2);
    return replacedBy(newBatch(items.slice(0, middle)), newBatch(items.slice(middle)));
  },
  repair: ({ items, isRepaired }) => {
    if (isRepaired) return undefined;
    const repaired = items.map((item) => ({ ...item, observation: repairObservation(item.observation) }));
    return replacedBy({ ...newBatch(repaired), isRepaired: true });
  },
  refuse: ({ items }, { error }) => {
    const fault = faultOf(error);
    return endedWith(items, ({ id }) => ({ status: 'refused', id, ...fault }));
  },
  delay: ({ items }, { error }) => {
    const fault = faultOf(error);
    return endedWith(items, ({ id }) => ({ status: 'later', id, ...fault }));
  },
  throw: () => replacedBy(),
};

function replacedBy(...batches: readonly Batch[]): Next {
  return { batches, outcomes: [] };
}

function endedWith(
  items: readonly Item[],
  outcomeOf: (observation: PreparedObservation, nth: number) => Outcome,
): Next {
  return {
    batches: [],
    outcomes: items.map(({ index, observation }, nth) => [index, outcomeOf(observation, nth)]),
  };
}

/** What follows when a batch was not written. */
export function afterFailure(batch: Batch, failure: Failure): Next & { readonly step: Step } {
  for (const step of STEPS[classifyError(failure.error)]) {
    const next = TAKE[step](batch, failure);
    if (next !== undefined) return { step, ...next };
  }
  return { step: 'throw', ...replacedBy() };
}

/**
 * Stores observations; the outcomes in their order. Throws when an error concerns all of them, and when none of them
 * was stored or refused: then the cause is not one month or one table.
 */
export async function storeAll(
  prepared: readonly PreparedObservation[],
  write: WriteBatch,
): Promise<Outcome[]> {
  const outcomes = new Map<number, Outcome>();
  const todo = [newBatch(prepared.map(asItem))].filter(({ items }) => items.length > 0);
  let delayed: Failure | undefined;
  for (let batch = todo.shift(); batch !== undefined; batch = todo.shift()) {
    const written = await write(batch);
    const next = 'stored' in written ? afterWrite(batch, written.stored) : afterFailure(batch, written);
    if ('error' in written && next.step === 'throw') throw written.error;
    if ('error' in written && next.step === 'delay') delayed = written;
    // In the order of the observations, so that the first one of a record decides its location.
    todo.unshift(...next.batches);
    for (const [index, outcome] of next.outcomes) outcomes.set(index, outcome);
  }
  if (delayed !== undefined && [...outcomes.values()].every(isDelayed)) throw delayed.error;
  return prepared.map((_, index) => outcomes.get(index) ?? noOutcome(index));
}

function isDelayed({ status }: Outcome): boolean {
  return status === 'later';
}

function afterWrite({ items }: Batch, stored: readonly StoredRecord[]): Next & { readonly step: 'stored' } {
  return { step: 'stored', ...endedWith(items, (_, nth) => stored[nth] ?? noOutcome(nth)) };
}

function asItem(observation: PreparedObservation, index: number): Item {
  return { index, observation };
}

const FRESH: Omit<Batch, 'items'> = {
  retries: 0,
  monthRounds: 0,
  isRepaired: false,
  months: [],
  locations: new Map(),
  pauseMs: 0,
  mayInsert: true,
};

export function newBatch(items: readonly Item[]): Batch {
  return { items, ...FRESH };
}

/** One month of one table. */
function partitionOf({ id, observation }: PreparedObservation, locations: Locations): string {
  return `${observation.table} ${monthOf(locations.get(id) ?? observation.createdAt)}`;
}

function faultOf(error: unknown): Fault {
  return {
    reason: reasonOf(error),
    sqlstate: sqlStateOf(error) ?? '',
  };
}

function noOutcome(index: number): never {
  throw new Error(`observation ${index} of the batch was neither stored nor refused`);
}
