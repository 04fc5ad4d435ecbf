import type pg from 'pg';

import type { Observation } from '../src/domain/observation.ts';
import { recordId } from '../src/identity/identities.ts';

const INSERT = `
  insert into workflow_execution_audit (
    id, created_at, created_at_source, cluster, source_version, revision, remediation_id, correlation_id, remediation_uid,
    workflow_id, workflow_version, container_image, target_resource, parameters, total_duration, pipelinerun_name, phase,
    outcome, started_at, completed_at, extra)
  values (
    $1::uuid, $2::timestamptz, $3::text, $4::text, $5::bigint, 1, $6::text, $7::text, $8::text, $9::text, $10::text,
    $11::text, $12::text, $13::jsonb, $14::interval, $15::text, $16::text, $17::text, $18::timestamptz, $19::timestamptz,
    $20::jsonb)
  on conflict (id, created_at) do nothing`;

const COLUMNS = [
  ...[
    'remediation_id',
    'correlation_id',
    'remediation_uid',
    'workflow_id',
    'workflow_version',
    'container_image',
  ],
  ...[
    'target_resource',
    'parameters',
    'total_duration',
    'pipelinerun_name',
    'phase',
    'outcome',
    'started_at',
  ],
  ...['completed_at', 'extra'],
];

/** Plain upserts of one row and one commit each over many connections: no partition of the record, no ledger, no answer to a client. */
export async function commitOneByOne(
  pool: pg.Pool,
  observations: readonly Observation[],
  connections: number,
): Promise<void> {
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let one = observations[next]; one !== undefined; one = observations[next]) {
      next += 1;
      const { table, cluster, key, createdAt, createdAtSource, sourceVersion, columns } = one;
      const values = [recordId(table, cluster, key), createdAt, createdAtSource, cluster, sourceVersion];
      await pool.query({
        name: 'plain-commit',
        text: INSERT,
        values: [...values, ...COLUMNS.map((column) => columns[column] ?? null)],
      });
    }
  };
  await Promise.all(Array.from({ length: connections }, writer));
}
