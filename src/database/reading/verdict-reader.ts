import type pg from 'pg';

import { naturalKey } from '../../domain/observation.ts';
import type { Verdict } from '../../domain/records/remediation-audit.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import { recordId } from '../../identity/record-id.ts';

const SELECT_VERDICT = `
  select remediation.verdict
  from record_home as home
  join remediation_audit as remediation
    on remediation.id = home.id
    and remediation.created_at = home.created_at
  where home.id = $1::uuid`;

export interface VerdictReader {
  /** What is certain about the end of a remediation; `unknown` when nothing of it is stored here. */
  selectVerdict(cluster: string, remediationUid: string): Promise<Verdict | 'unknown'>;
}

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
