/*
 * The observations of one remediation that can be compared, and the choice of two of them.
 *
 * In: the ledger as the service answers it, and what the command line says. Out: the two that are meant, or an error that names
 * those there are. An observation is named by the beginning of the hash of its content, as git names a commit.
 */
import { UsageError } from '../../config/settings.ts';
import type { JsonObject } from '../../domain/json.ts';
import { timeText, type View } from '../../terminal/view.ts';
import { ApiError } from '../connection/api-client.ts';
import { type CommandLine, textFlag } from '../flags.ts';
import { textAt } from './answers.ts';

export interface Observation {
  readonly kind: string;
  readonly record: string;
  readonly hash: string;
  readonly phase: string;
  readonly at: string;
}

/** Which two are meant, as far as the command line says it. */
export interface WantedPair {
  /** A record's id, or its kind where it has one record only. Undefined: that of the hashes, or the remediation itself. */
  readonly record: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export interface Pair {
  readonly from: Observation;
  readonly to: Observation;
}

const REMEDIATION_KIND = 'remediation';
const HASH_PREFIX = /^[0-9a-f]{4,64}$/;
/** Enough to distinguish what one remediation has. */
export const HASH_WIDTH = 12;
/** Observations that an error names. */
const MOST_NAMED = 10;

export function readPair(line: CommandLine): WantedPair {
  const [from, to] = ['from', 'to'].map((name) => {
    const text = textFlag(line, name)?.toLowerCase();
    if (text === undefined || HASH_PREFIX.test(text)) return text;
    throw new UsageError(
      `--${name} takes at least the first 4 characters of a content hash, not ${text}; \`diff NAME --list\` shows them`,
    );
  });
  return { record: textFlag(line, 'record'), from, to };
}

/** What the ledger says of an observation; a service of another version may say no hash of it, and then it has no name. */
export function observationOf(entry: JsonObject): Observation | undefined {
  const said = (name: string): string => textAt(entry, name) ?? '';
  const [kind, record, hash] = [said('kind'), said('record_id'), said('content_hash')];
  if ([kind, record, hash].includes('')) return undefined;
  return { kind, record, hash, phase: said('phase'), at: said('observed_at') };
}

/**
 * The two that are meant. Where the command line names none these are the last of the record and the one before it; where it
 * names one, the other is the one before it, or the last. Observations of one phase say something of the same things, so the
 * other one is of the same phase where there is one.
 */
export function choosePair(all: readonly Observation[], wanted: WantedPair): Pair {
  const [from, to] = (['from', 'to'] as const).map((flag) => {
    const prefix = wanted[flag];
    return prefix === undefined ? undefined : named(flag, prefix, within(all, wanted.record));
  });
  if (from !== undefined && to !== undefined) return ofOneRecord({ from, to });
  const ofRecord = differing(within(all, (from ?? to)?.record ?? wanted.record ?? REMEDIATION_KIND));
  if (from !== undefined) return { from, to: lastOf(from, after(ofRecord, from), 'last') };
  const later = to ?? ofRecord.at(-1);
  if (later === undefined) throw new ApiError('nothing is recorded that could be compared');
  return { from: lastOf(later, before(ofRecord, later), 'first'), to: later };
}

function ofOneRecord(pair: Pair): Pair {
  const { from, to } = pair;
  if (from.record === to.record) return pair;
  throw new ApiError(
    `${short(from)} is of ${recordText(from)} and ${short(to)} of ${recordText(to)}: only observations of one record can be compared`,
  );
}

function before(ofRecord: readonly Observation[], one: Observation): readonly Observation[] {
  return ofRecord.slice(0, Math.max(0, ofRecord.findIndex(sameAs(one))));
}

function after(ofRecord: readonly Observation[], one: Observation): readonly Observation[] {
  return ofRecord.slice(ofRecord.findIndex(sameAs(one)) + 1);
}

function lastOf(one: Observation, others: readonly Observation[], edge: 'first' | 'last'): Observation {
  const found = others.findLast(({ phase }) => phase === one.phase) ?? others.at(-1);
  if (found !== undefined) return found;
  throw new ApiError(
    `there is no other observation to compare with: ${short(one)} is the ${edge} of its record; \`--list\` shows which there are, --record chooses another record`,
  );
}

const sameAs =
  ({ record, hash }: Observation) =>
  (other: Observation): boolean =>
    other.record === record && other.hash === hash;

/** Without those that say what the record said already, at whatever time: the first of them stands for all. */
function differing(observations: readonly Observation[]): readonly Observation[] {
  return observations.filter((one, index) => observations.findIndex(sameAs(one)) === index);
}

function within(all: readonly Observation[], record: string | undefined): readonly Observation[] {
  if (record === undefined) return all;
  const found = all.filter((one) => one.record === record || one.kind === record);
  const records = new Map(found.map((one) => [one.record, one]));
  const known = [...new Map(all.map((one) => [one.record, one])).values()].map(recordText);
  if (records.size === 0)
    throw new ApiError(
      `no observation of a record ${record} is known; there are ${known.join(', ') || 'none'}`,
    );
  if (records.size > 1)
    throw new ApiError(
      `several records are of kind ${record}: name one of ${[...records.keys()].join(', ')}`,
    );
  return found;
}

function named(flag: string, prefix: string, all: readonly Observation[]): Observation {
  const found = differing(all.filter(({ hash }) => hash.startsWith(prefix)));
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  const what = only === undefined ? 'no observation has a content hash' : 'several observations have a hash';
  throw new ApiError(
    `${what} that begins with ${prefix} (--${flag}); there are ${listText(only === undefined ? all : found)}`,
  );
}

function listText(all: readonly Observation[]): string {
  const names = all.slice(-MOST_NAMED).map((one) => `${short(one)} (${one.kind} ${one.phase})`);
  return names.length === 0 ? 'none' : `${names.join(', ')}; \`--list\` shows all`;
}

function short({ hash }: Observation): string {
  return hash.slice(0, HASH_WIDTH);
}

function recordText({ kind, record }: Observation): string {
  return `${kind} ${record}`;
}

/** One of the two, above what differs. */
export function observedText(one: Observation, view: View): string {
  return [short(one), one.phase, one.at === '' ? '' : timeText(one.at, view)]
    .filter((part) => part !== '')
    .join(', ');
}
