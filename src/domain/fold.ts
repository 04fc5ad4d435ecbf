/*
 * The fold: how the observations of one record become its row. Pure; the same function makes a row when it is written, when
 * it is repaired from the ledger, and when parts of an archive are read together.
 *
 * Each column has one rule in its definition: the newest value wins (the default), the earliest, the one of highest rank in
 * a vocabulary, or the keys of two objects are united. Newest means the highest source version; for equal versions the
 * hash of the content decides, so that every process decides alike.
 *
 * What must stay true, and what a property test tries with random orders: the row is the same in whatever order
 * observations arrive, however often one of them comes, and whether they come one by one or all at once.
 */
import { canonicalJson, isJsonObject, parseJson } from './json.ts';
import type { Column, Columns, RecordDefinition } from './records/definition.ts';
import { observedColumns } from './records/definition.ts';

/** One entry of a record's ledger, as far as the fold needs it. */
export interface Entry {
  readonly sourceVersion: string;
  /** SHA-256 of the canonical content as hexadecimal text: decides between two contents of one version. */
  readonly contentHash: string;
  readonly columns: Columns;
}

type Value = string | boolean;

/**
 * The row that a set of entries amounts to. A function of the set: order of arrival, repetition and how an observation
 * was split into partial ones cannot matter.
 */
export function foldEntries(definition: RecordDefinition, entries: readonly Entry[]): Columns {
  const inOrder = [...entries].sort(compareEntries);
  return inOrder.reduce<Columns>((row, { columns }) => foldNewer(definition, row, columns), {});
}

/** One step of the fold, for whoever reads the entries in order and keeps none of them: `columns` are of the next entry. */
export function foldNewer(definition: RecordDefinition, row: Columns, columns: Columns): Columns {
  const folded: Record<string, Value> = { ...row };
  for (const column of observedColumns(definition)) {
    const [older, newer] = [row[column.name], columns[column.name]];
    if (newer !== undefined)
      folded[column.name] = older === undefined ? newer : combine(column, older, newer);
  }
  return folded;
}

export function compareEntries(left: Entry, right: Entry): number {
  const versions = BigInt(left.sourceVersion) - BigInt(right.sourceVersion);
  if (versions !== 0n) return versions < 0n ? -1 : 1;
  if (left.contentHash === right.contentHash) return 0;
  return left.contentHash < right.contentHash ? -1 : 1;
}

function combine(column: Column, older: Value, newer: Value): Value {
  switch (column.fold ?? 'newest') {
    case 'newest':
      return newer;
    case 'earliest':
      return older < newer ? older : newer;
    case 'rank':
      return rankOf(column, older) > rankOf(column, newer) ? older : newer;
    case 'union':
      return uniteObjects(String(older), String(newer));
  }
}

function rankOf(column: Column, value: Value): number {
  return (column.vocabulary ?? []).indexOf(String(value));
}

function uniteObjects(older: string, newer: string): string {
  const [first, second] = [parseJson(older), parseJson(newer)];
  if (!isJsonObject(first) || !isJsonObject(second)) return newer;
  return canonicalJson({ ...first, ...second });
}
