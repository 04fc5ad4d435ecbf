import type { HistoryPosition } from '../../database/reading/record-history.ts';
import type { LedgerPosition } from '../../database/reading/remediation-ledger.ts';
import { isUuid } from '../../domain/column-types.ts';
import { parseInstant } from '../../domain/instant.ts';
import { BIGINT_TEXT, INSTANT, UUID_TEXT } from '../../domain/value-patterns.ts';
import { invalidParameter } from '../http/problems.ts';
import type { Query } from '../http/route.ts';
import { singleText } from './list-query.ts';

/*
 * Where a page of ledger entries begins, as plain text: that of one record, whose entries fold in the order of version and hash,
 * and that of a remediation, whose entries stand in the order of observation. Both stay good while months move to the archive
 * and back.
 */

const HASH = '(?:[0-9a-f]{2})+';
export const HISTORY_CURSOR = `${BIGINT_TEXT}_${HASH}`;
export const LEDGER_CURSOR = `${INSTANT}_${HISTORY_CURSOR}_${UUID_TEXT}`;

export function writeHistoryCursor({ sourceVersion, contentHash }: HistoryPosition): string {
  return `${sourceVersion}_${contentHash}`;
}

export function writeLedgerCursor({ observedAt, recordId, ...entry }: LedgerPosition): string {
  return `${observedAt}_${writeHistoryCursor(entry)}_${recordId}`;
}

const [SMALLEST, LARGEST] = [-(2n ** 63n), 2n ** 63n - 1n];

export function readHistoryCursor(query: Query): HistoryPosition | undefined {
  const cursor = readCursor(query);
  return cursor === undefined ? undefined : historyPosition(cursor);
}

export function readLedgerCursor(query: Query): LedgerPosition | undefined {
  const cursor = readCursor(query);
  if (cursor === undefined) return undefined;
  const [, time = '', entry = '', recordId = ''] = /^([^_]+)_(.+)_([^_]+)$/.exec(cursor) ?? [];
  const observedAt = parseInstant(time);
  if (observedAt === undefined || !isUuid(recordId)) throw foreignCursor();
  return { observedAt, ...historyPosition(entry), recordId };
}

/** The empty cursor is that of the first page. */
function readCursor(query: Query): string | undefined {
  const cursor = singleText(query, 'cursor');
  return cursor === '' ? undefined : cursor;
}

function historyPosition(text: string): HistoryPosition {
  const match = /^(-?\d{1,19})_((?:[0-9a-f]{2})+)$/.exec(text);
  const [, sourceVersion = '', contentHash = ''] = match ?? [];
  // Nineteen digits can be more than PostgreSQL's bigint, which would be an error of ours.
  if (match === null || BigInt(sourceVersion) < SMALLEST || BigInt(sourceVersion) > LARGEST)
    throw foreignCursor();
  return { sourceVersion, contentHash };
}

function foreignCursor() {
  return invalidParameter('cursor', 'was not issued by this service');
}
