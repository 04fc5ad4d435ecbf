/*
 * The fold: how the observations of one record become its row. Pure; the same function makes a row when it is written, when
 * it is repaired from the ledger, and when parts of an archive are read together.
 *
 * The columns of a resource say what the resource says. What posts say of it stands under `extra.posted`, with who posted;
 * columns take of it only what today's resources do not say (`addedByPosts`). Posts alone make a row as resources do.
 *
 * Each column has one rule in its definition: the newest value wins (the default), the earliest, the one of highest rank in
 * a vocabulary, or the keys of two objects are united. Newest means the highest source version; for equal versions the
 * hash of the content decides, so that every process decides alike.
 *
 * What must stay true, and what a property test tries with random orders: the row is the same in whatever order
 * observations arrive, however often one of them comes, and whether they come one by one or all at once.
 */
import { canonicalContent } from './canonical-content.ts';
import type { JsonObject } from './json.ts';
import { canonicalJson, isJsonObject, parseJson } from './json.ts';
import { isPostedVersion, POSTED_KIND } from './observation.ts';
import type { Column, Columns, RecordDefinition } from './records/definition.ts';
import { isAddedByPosts, observedColumns } from './records/definition.ts';

/** One entry of a record's ledger, as far as the fold needs it. */
export interface Entry {
  readonly sourceVersion: string;
  /** SHA-256 of the canonical content as hexadecimal text: decides between two contents of one version. */
  readonly contentHash: string;
  /** Who said so; of posts only it matters. */
  readonly actor: string;
  readonly columns: Columns;
}

/** What the entries of a record that were read so far amount to. Entries come in the order of `compareEntries`. */
export interface Fold {
  /** Of posts; undefined while there was none. */
  readonly posted: Columns | undefined;
  /** Who posted them, each once, in order. */
  readonly posters: readonly string[];
  /** Of resources. */
  readonly observed: Columns;
}

export const EMPTY_FOLD: Fold = { posted: undefined, posters: [], observed: {} };

type Value = string | boolean;

/**
 * The row that a set of entries amounts to. A function of the set: order of arrival, repetition and how an observation
 * was split into partial ones cannot matter.
 */
export function foldEntries(definition: RecordDefinition, entries: readonly Entry[]): Columns {
  const fold = [...entries]
    .sort(compareEntries)
    .reduce((folded, entry) => foldNext(definition, folded, entry), EMPTY_FOLD);
  return columnsOfFold(definition, fold);
}

/** One step of the fold, for whoever reads the entries in order and keeps none of them. */
export function foldNext(
  definition: RecordDefinition,
  fold: Fold,
  { sourceVersion, actor, columns }: Omit<Entry, 'contentHash'>,
): Fold {
  if (!isPostedVersion(sourceVersion))
    return { ...fold, observed: foldNewer(definition, fold.observed, columns) };
  const posters = fold.posters.includes(actor) ? fold.posters : [...fold.posters, actor].sort();
  return { ...fold, posted: foldNewer(definition, fold.posted ?? {}, columns), posters };
}

/** The row of all entries that a fold has read. */
export function columnsOfFold(definition: RecordDefinition, { posted, posters, observed }: Fold): Columns {
  if (posted === undefined) return observed;
  // Only what another resource says is known: it adds to what was posted.
  if (!isOfResource(observed)) return foldNewer(definition, posted, observed);
  const added = observedColumns(definition).filter(isAddedByPosts);
  const row: Record<string, Value> = { ...observed };
  for (const { name } of added) {
    const value = observed[name] ?? posted[name];
    if (value !== undefined) row[name] = value;
  }
  // That it was posted is said by where it stands.
  const said = Object.fromEntries(Object.entries(posted).filter(([name]) => name !== 'source_kind'));
  const noted: JsonObject = { by: [...posters], columns: parseJson(canonicalContent(definition, said)) };
  return { ...row, extra: uniteObjects(String(observed['extra'] ?? '{}'), canonicalJson({ posted: noted })) };
}

/** Whether the record's own resource was observed: what others say of it does not name where it comes from. */
function isOfResource(columns: Columns): boolean {
  const kind = columns['source_kind'];
  return kind !== undefined && kind !== POSTED_KIND;
}

function foldNewer(definition: RecordDefinition, row: Columns, columns: Columns): Columns {
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
