import type { LedgerEntry } from '../../database/reading/record-history.ts';
import type { RecordRow } from '../../database/reading/record-query.ts';
import { columnsOfContent } from '../../domain/canonical-content.ts';
import type { Entry } from '../../domain/fold.ts';
import { compareEntries, foldEntries } from '../../domain/fold.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';

/**
 * The row of a record whose observations lie in several places, as it would be if they had never been separated: the fold of all
 * of them. What no observation carries is taken from its archived rows. Every value as text that PostgreSQL reads.
 */
export function foldPartialRecord(
  definition: RecordDefinition,
  archived: readonly RecordRow[],
  entries: readonly LedgerEntry[],
): Record<string, string | null> {
  const inOrder = entries.map((entry) => entryOf(definition, entry)).sort(compareEntries);
  const folded = Object.entries(foldEntries(definition, inOrder)).map(([name, value]) => [
    name,
    String(value),
  ]);
  // The first row that was archived is the oldest one there is.
  const first = archived.toSorted((left, right) =>
    String(left['recorded_at']) < String(right['recorded_at']) ? -1 : 1,
  )[0];
  // No observation carries these: the first acceptance of the record decided them.
  const managed = ['id', 'created_at', 'created_at_source', 'cluster', 'recorded_at'].map((name) => [
    name,
    textOf(first?.[name]),
  ]);
  return {
    ...(Object.fromEntries([...managed, ...folded]) as Record<string, string | null>),
    source_version: inOrder.at(-1)?.sourceVersion ?? null,
    updated_at:
      entries
        .map(({ recordedAt }) => recordedAt)
        .sort()
        .at(-1) ?? null,
    // As in the database: one revision for each observation.
    revision: String(entries.length),
  };
}

function textOf(value: RecordRow[string] | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

/**
 * An entry of the ledger in the form in which observations fold, with the columns that its content carries.
 */
function entryOf(
  definition: RecordDefinition,
  { sourceVersion, contentHash, actor, content }: LedgerEntry,
): Entry {
  return { sourceVersion, contentHash, actor, columns: columnsOfContent(definition, content) };
}
