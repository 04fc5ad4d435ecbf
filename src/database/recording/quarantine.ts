import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';
import type { Observation } from '../../domain/observation.ts';
import { repairText } from '../../domain/repair.ts';
import type { RefusedRecord } from './prepared-observation.ts';

/** What is refused again updates its entry; it also gets the newest reason. */
const QUARANTINE = `
  select audit_quarantine_record($1::text, $2::text, $3::text, $4::text, $5::text, $6::text)`;

export interface Quarantine {
  /** Stores what was refused, with the reason, until somebody settles it. The same again is counted, not added. */
  insert(observation: Observation, refused: RefusedRecord): Promise<void>;
}

export function createQuarantine(pool: pg.Pool): Quarantine {
  return {
    async insert(observation, refused) {
      // Escaped JSON: it can hold the very characters for which the record itself was refused.
      const payload = JSON.stringify(observation);
      const remediationUid = observation.columns['remediation_uid'];
      await pool.query({
        name: 'insert-quarantine',
        text: QUARANTINE,
        values: [
          observation.table,
          repairText(observation.cluster),
          remediationUid === undefined ? null : repairText(String(remediationUid)),
          repairText(refused.reason),
          refused.sqlstate,
          payload,
        ],
      });
    },
  };
}

/** One observation that could not be stored, and why. */
export interface QuarantineEntry {
  readonly id: string;
  readonly receivedAt: string;
  readonly table: string;
  readonly cluster: string | null;
  readonly remediationUid: string | null;
  readonly reason: string;
  readonly sqlstate: string | null;
  /** The observation as JSON text, in which the characters for which it was refused are escaped. */
  readonly payload: string;
  readonly lastRefusedAt: string;
  /** How often the same observation was refused. */
  readonly refusals: number;
  /** Null while nobody has settled it. */
  readonly resolvedAt: string | null;
  readonly resolvedBy: string | null;
}

interface QuarantineRow {
  id: string;
  received_at: string;
  table_name: string;
  cluster: string | null;
  remediation_uid: string | null;
  reason: string;
  sqlstate: string | null;
  payload: string;
  last_refused_at: string;
  refusals: number;
  resolved_at: string | null;
  resolved_by: string | null;
}

const COLUMNS = `
  id, received_at, table_name, cluster, remediation_uid, reason, sqlstate, payload, last_refused_at, refusals,
  resolved_at, resolved_by`;

/** Oldest first; settled ones only on request. */
export async function selectQuarantine(
  pool: pg.Pool,
  limit: number,
  { settled = false }: { readonly settled?: boolean } = {},
): Promise<readonly QuarantineEntry[]> {
  const { rows } = await pool.query<QuarantineRow>({
    name: 'select-quarantine',
    text: `
      select ${COLUMNS}
      from audit_quarantine
      where $1::boolean or resolved_at is null
      order by received_at, id
      limit $2::integer`,
    values: [settled, limit],
  });
  return rows.map(entryOf);
}

export async function selectQuarantineEntry(pool: pg.Pool, id: string): Promise<QuarantineEntry | undefined> {
  const { rows } = await pool.query<QuarantineRow>({
    name: 'select-quarantine-entry',
    text: `select ${COLUMNS} from audit_quarantine where id = $1::uuid`,
    values: [id],
  });
  return rows[0] === undefined ? undefined : entryOf(rows[0]);
}

/** Marks an entry as settled; it stays readable. One that is settled already keeps who settled it first. */
export async function settleQuarantineEntry(pool: pg.Pool, id: string, by: string): Promise<void> {
  await pool.query({
    name: 'settle-quarantine-entry',
    text: 'select audit_settle_quarantine($1::uuid, $2::text)',
    values: [id, by],
  });
}

function entryOf(row: QuarantineRow): QuarantineEntry {
  return {
    id: row.id,
    receivedAt: instantFromSql(row.received_at),
    table: row.table_name,
    cluster: row.cluster,
    remediationUid: row.remediation_uid,
    reason: row.reason,
    sqlstate: row.sqlstate,
    payload: row.payload,
    lastRefusedAt: instantFromSql(row.last_refused_at),
    refusals: row.refusals,
    resolvedAt: row.resolved_at === null ? null : instantFromSql(row.resolved_at),
    resolvedBy: row.resolved_by,
  };
}
