import type { LedgerEntry } from '../../database/reading/record-history.ts';
import { named } from '../../domain/named-schema.ts';
import { definitionOf } from '../../domain/records/index.ts';

/** One entry of the ledger as JSON; what was observed stands in it verbatim. */
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
