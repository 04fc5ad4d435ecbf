import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';

/** Where one month is. */
export interface MonthState {
  /** `2026-03`. The names are those of the API's answer. */
  readonly month: string;
  readonly state: string;
  /** Rows by table, as they were archived; null before that. */
  readonly row_counts: Readonly<Record<string, number>> | null;
  /** Key of its newest manifest in the store; null before it was archived. */
  readonly manifest: string | null;
  readonly approved_by: string | null;
  readonly approved_at: string | null;
  /** Who last took an approval back; it stays when the month is approved again. */
  readonly revoked_by: string | null;
  readonly revoked_at: string | null;
  readonly archived_at: string | null;
  readonly detached_at: string | null;
  readonly dropped_at: string | null;
  readonly restored_at: string | null;
  /** Retention leaves a restored month alone until then. */
  readonly restored_until: string | null;
  readonly restored_by: string | null;
  readonly expired_at: string | null;
}

const INSTANTS = [
  'approved_at',
  'revoked_at',
  'archived_at',
  'detached_at',
  'dropped_at',
  'restored_at',
  'restored_until',
  'expired_at',
] as const;

/** Every month that was ever made, newest first. */
export async function selectMonths(pool: pg.Pool): Promise<readonly MonthState[]> {
  const { rows } = await pool.query<Record<keyof MonthState, string | null>>({
    name: 'select-months',
    text: `
      select month, state, row_counts, manifest, approved_by, revoked_by, restored_by, ${INSTANTS.join(', ')}
      from audit_partition
      order by month desc`,
  });
  return rows.map(
    ({ month, state, row_counts, manifest, approved_by, revoked_by, restored_by, ...times }) => ({
      month: (month ?? '').slice(0, 'yyyy-mm'.length),
      state: state ?? '',
      row_counts: row_counts === null ? null : (JSON.parse(row_counts) as Record<string, number>),
      manifest,
      approved_by,
      revoked_by,
      restored_by,
      ...(Object.fromEntries(
        INSTANTS.map((name) => [name, times[name] === null ? null : instantFromSql(times[name])]),
      ) as Record<(typeof INSTANTS)[number], string | null>),
    }),
  );
}
