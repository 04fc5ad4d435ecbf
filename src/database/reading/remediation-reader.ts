import type pg from 'pg';

import { naturalKey } from '../../domain/observation.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import type { Verdict } from '../../domain/records/remediation-audit.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import { recordId } from '../../identity/identities.ts';
import { quoteIdentifier } from '../sql.ts';
import { selectedColumns } from './record-query.ts';
import type { Page, RecordRow } from './record-reader.ts';
import { readPage } from './record-reader.ts';

/** What people call a remediation. Several may have had the name one after the other. */
export interface RemediationAddress {
  readonly cluster: string;
  /** Empty for one whose namespace is not known. */
  readonly namespace: string;
  readonly name: string;
}

/** Remediations of one name, newest first: names are used again. */
export async function selectRemediations(
  client: pg.Pool | pg.ClientBase,
  { cluster, namespace, name }: RemediationAddress,
  limit: number,
): Promise<readonly RecordRow[]> {
  const { rows } = await client.query<RecordRow>({
    name: 'select-remediations',
    text: `
      select ${selectedColumns(remediationAudit)}
      from remediation_audit
      where remediation_id = $3::text
        and cluster = $1::text
        and coalesce(namespace, '') = $2::text
      order by created_at desc, id desc
      limit $4::integer`,
    values: [cluster, namespace, name, limit],
  });
  return rows;
}

/** Tables whose rows belong to a remediation, except the remediation record itself. */
export const PART_DEFINITIONS: readonly RecordDefinition[] = RECORD_DEFINITIONS.filter(
  ({ table }) => table !== remediationAudit.table,
);

/**
 * Rows of one table that belong to a remediation: those that carry its uid, and posts that knew only its name while no
 * other remediation of that name could be meant.
 */
export async function selectParts(
  client: pg.Pool | pg.ClientBase,
  definition: RecordDefinition,
  remediation: { readonly uid: string; readonly cluster: string; readonly name: string | undefined },
  limit: number,
): Promise<Page> {
  return readPage({ limit }, async (part) => {
    const { rows } = await client.query<RecordRow>({
      name: `select-parts-${definition.table}`,
      text: `
        select ${selectedColumns(definition)}
        from ${quoteIdentifier(definition.table)}
        where (remediation_uid = $1::text
            or (remediation_uid is null and remediation_id = $2::text and cluster = $3::text))
          and ($4::timestamptz is null or (created_at, id) > ($4::timestamptz, $5::uuid))
        order by created_at, id
        limit $6::integer`,
      values: [
        ...[remediation.uid, remediation.name ?? null, remediation.cluster],
        ...[part.after?.createdAt ?? null, part.after?.id ?? null, part.limit],
      ],
    });
    return rows;
  });
}

/**
 * By the index of locations, which says in which month the record is: else every partition would be searched.
 */
const SELECT_VERDICT = `
  select remediation.verdict
  from record_home as location
  join remediation_audit as remediation
    on remediation.id = location.id
    and remediation.created_at = location.created_at
  where location.id = $1::uuid`;

export interface VerdictReader {
  /** What is certain about the end of a remediation; `unknown` when nothing of it is stored here. */
  selectVerdict(cluster: string, remediationUid: string): Promise<Verdict | 'unknown'>;
}

/** The id of the record follows from cluster and uid, so it is read by its key. */
export function createVerdictReader(pool: pg.Pool): VerdictReader {
  return {
    async selectVerdict(cluster, remediationUid) {
      const id = recordId(remediationAudit.table, cluster, naturalKey(remediationUid));
      const { rows } = await pool.query<{ verdict: Verdict | null }>({
        name: 'select-verdict',
        text: SELECT_VERDICT,
        values: [id],
      });
      return rows[0]?.verdict ?? 'unknown';
    },
  };
}
