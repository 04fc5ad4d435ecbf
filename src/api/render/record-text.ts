import type { LedgerEntry } from '../../database/reading/record-history.ts';
import type { RecordRow } from '../../database/reading/record-reader.ts';
import { jsonForAnswer } from '../../domain/answered-json.ts';
import { columnType } from '../../domain/column-types.ts';
import { csvField, type CsvOptions, withoutFormula } from '../../domain/csv.ts';
import { named } from '../../domain/named-schema.ts';
import type { Column, RecordDefinition } from '../../domain/records/definition.ts';
import { definitionOf } from '../../domain/records/index.ts';
import type { SourcedRow } from '../../query/combined-answer.ts';

/**
 * A row as the JSON that the sources' own structs read: durations as integer nanoseconds, times as RFC 3339, numbers and
 * JSON columns digit for digit as the database holds them. Written as text, because a number that passes through
 * JavaScript may come out as another one.
 */
export function recordJson(definition: RecordDefinition, { row, source }: SourcedRow): string {
  const members = definition.columns.map(
    (column) => `${JSON.stringify(column.name)}:${memberJson(column, row)}`,
  );
  return `{${members.join(',')},"source":"${source}"}`;
}

/** What is not known is null and never left out, so that every record has all members. */
function memberJson(column: Column, row: RecordRow): string {
  const value = row[column.name];
  if (value === null || value === undefined) return 'null';
  const text = String(value);
  return column.type === 'jsonb' ? jsonForAnswer(column, text) : columnType(column.type).answer.json(text);
}

/** The header line of a list as CSV (RFC 4180): every column of the kind in its order, then `source`. */
export function csvHeader(definition: RecordDefinition): string {
  return `${definition.columns.map(({ name }) => name).join(',')},source\r\n`;
}

/** Null is an empty field, the empty text a quoted one; durations are PostgreSQL's text, which a spreadsheet can read. */
export function recordCsv(
  definition: RecordDefinition,
  { row, source }: SourcedRow,
  { raw }: CsvOptions,
): string {
  const fields = definition.columns.map(({ name, type }) => {
    const value = row[name];
    if (value === null || value === undefined) return '';
    const text = columnType(type).answer.csv(String(value));
    return csvField(type === 'text' && !raw ? withoutFormula(text) : text);
  });
  return `${fields.join(',')},${source}\r\n`;
}

/**
 * One entry of the ledger as JSON. What was observed stands in it verbatim, and so does the version, a 64-bit
 * integer: a client can hash `content` as it is written here and compare it with `content_hash`.
 */
export function historyEntryJson(entry: LedgerEntry): string {
  const members = {
    kind: definitionOf(entry.table).kind,
    record_id: entry.recordId,
    phase: entry.phase,
    observed_at: entry.observedAt,
    recorded_at: entry.recordedAt,
    actor: entry.actor,
    content_hash: entry.contentHash,
  };
  const head = JSON.stringify(members).slice(0, -1);
  return `${head},"source_version":${entry.sourceVersion},"content":${entry.content}}`;
}

const text = { type: 'string' };
const instant = { type: 'string', format: 'date-time' };

export const historyEntrySchema = named('HistoryEntry', {
  type: 'object',
  required: [
    'kind',
    'record_id',
    'phase',
    'observed_at',
    'recorded_at',
    'actor',
    'source_version',
    'content',
  ],
  properties: {
    kind: { ...text, description: 'Kind of the record' },
    record_id: { type: 'string', format: 'uuid' },
    phase: { ...text, description: 'Audit phase' },
    observed_at: { ...instant, description: 'Clock of the observer' },
    recorded_at: instant,
    actor: { ...text, description: 'Who said so' },
    content_hash: { ...text, description: 'SHA-256 of the content as it is written here' },
    source_version: { type: 'integer' },
    content: { type: 'object', description: 'What was observed' },
  },
});
