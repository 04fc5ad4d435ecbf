import { createHash } from 'node:crypto';

import type pg from 'pg';

import type { Observation } from '../../domain/observation.ts';
import { repairText } from '../../domain/repair.ts';
import type { RefusedRecord } from './record-outcome.ts';

const INSERT_QUARANTINE = `
  insert into audit_quarantine as kept (table_name, cluster, remediation_uid, reason, sqlstate, payload, payload_hash)
  values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::bytea)
  on conflict (table_name, payload_hash) do update set
    reason = excluded.reason,
    sqlstate = excluded.sqlstate,
    last_refused_at = clock_timestamp(),
    refusals = kept.refusals + 1`;

export interface Quarantine {
  /** Keeps what could not be stored, with the reason, until somebody settles it. The same again is counted, not added. */
  keep(observation: Observation, refused: RefusedRecord): Promise<void>;
}

export function createQuarantine(pool: pg.Pool): Quarantine {
  return {
    async keep(observation, refused) {
      // Escaped JSON: it can hold the very characters for which the record itself was refused.
      const payload = JSON.stringify(observation);
      const remediationUid = observation.columns['remediation_uid'];
      await pool.query({
        name: 'insert-quarantine',
        text: INSERT_QUARANTINE,
        values: [
          observation.table,
          repairText(observation.cluster),
          remediationUid === undefined ? null : repairText(String(remediationUid)),
          repairText(refused.reason),
          refused.sqlstate,
          payload,
          createHash('sha256').update(payload).digest(),
        ],
      });
    },
  };
}
