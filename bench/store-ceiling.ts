import type pg from 'pg';

import { inTransaction } from '../src/database/pool.ts';
import { prepareObservation } from '../src/database/recording/prepared-observation.ts';
import type { Observation } from '../src/domain/observation.ts';
import { drawSalts, sealEntry } from '../src/identity/identities.ts';

/**
 * The same write by hand: home, ledger entry and row of observations that are all new, in one transaction, with every
 * text and hash made before the clock starts. What a store that knows this one table could do at best.
 */
const SELECT_HOMES = 'select id, created_at from record_home where id = any($1::uuid[])';
const INSERT_HOMES = `
  insert into record_home (id, table_name, created_at, is_final)
  select *, true from unnest($1::uuid[], $2::text[], $3::timestamptz[])
  on conflict do nothing`;
const INSERT_ENTRIES = `
  insert into audit_ledger (record_id, created_at, source_version, content_hash, observed_at, table_name, cluster,
    remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
  select * from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::bytea[], $13::bytea[], $14::bytea[])
  on conflict do nothing`;

const COLUMNS = [
  ['id', 'uuid'],
  ['created_at', 'timestamptz'],
  ['created_at_source', 'text'],
  ['cluster', 'text'],
  ['source_version', 'bigint'],
  ['revision', 'integer'],
  ['remediation_id', 'text'],
  ['correlation_id', 'text'],
  ['remediation_uid', 'text'],
  ['namespace', 'text'],
  ['source_kind', 'text'],
  ['source_uid', 'text'],
  ['source_shape', 'text'],
  ['workflow_id', 'text'],
  ['workflow_name', 'text'],
  ['workflow_version', 'text'],
  ['container_image', 'text'],
  ['target_resource', 'text'],
  ['parameters', 'jsonb'],
  ['total_duration', 'interval'],
  ['pipelinerun_name', 'text'],
  ['phase', 'text'],
  ['status', 'text'],
  ['outcome', 'text'],
  ['started_at', 'timestamptz'],
  ['completed_at', 'timestamptz'],
  ['total_steps', 'integer'],
  ['steps_completed', 'integer'],
  ['extra', 'jsonb'],
] as const;

const names = COLUMNS.map(([name]) => name);
const UPSERT_ROWS = `
  insert into workflow_execution_audit as stored (${names.join(', ')})
  select ${COLUMNS.map(([name, type]) => (type === 'jsonb' ? `${name}::jsonb` : name)).join(', ')}
  from unnest(${COLUMNS.map(([, type], index) => `$${index + 1}::${type === 'jsonb' ? 'text' : type}[]`).join(', ')})
    as incoming (${names.join(', ')})
  on conflict (id, created_at) do update set
    ${names
      .slice(4)
      .map((name) => `${name} = coalesce(excluded.${name}, stored.${name})`)
      .join(', ')}`;

export interface PreparedFlush {
  readonly ids: readonly string[];
  readonly homes: readonly unknown[][];
  readonly entries: readonly unknown[][];
  readonly rows: readonly unknown[][];
}

export function prepareFlush(observations: readonly Observation[]): PreparedFlush {
  const prepared = observations.map(prepareObservation).sort((left, right) => (left.id < right.id ? -1 : 1));
  const salts = drawSalts(prepared.length);
  const entries = prepared.map(({ observation, id, content }, index) => {
    const salt = salts[index] ?? Buffer.alloc(0);
    const seal = sealEntry(observation, content, { id, createdAt: observation.createdAt, salt });
    const { createdAt, sourceVersion, observedAt, table, cluster, columns, phase, actor } = observation;
    return [
      ...[
        id,
        createdAt,
        sourceVersion,
        content.contentHash,
        observedAt,
        table,
        cluster,
        columns['remediation_uid'],
      ],
      ...[phase, actor, content.canonical, salt, seal.payloadHash, seal.leafHash],
    ];
  });
  const rows = prepared.map(({ observation, id }) => {
    const { createdAt, createdAtSource, cluster, sourceVersion, columns } = observation;
    const placed = [id, createdAt, createdAtSource, cluster, sourceVersion, 1];
    return [...placed, ...names.slice(placed.length).map((name) => columns[name] ?? null)];
  });
  return {
    ids: prepared.map(({ id }) => id),
    homes: turned(prepared.map(({ observation, id }) => [id, observation.table, observation.createdAt])),
    entries: turned(entries),
    rows: turned(rows),
  };
}

export async function writeByHand(pool: pg.Pool, flush: PreparedFlush): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query({ name: 'hand-homes', text: SELECT_HOMES, values: [flush.ids] });
    await client.query({ name: 'hand-insert-homes', text: INSERT_HOMES, values: [...flush.homes] });
    await client.query({ name: 'hand-entries', text: INSERT_ENTRIES, values: [...flush.entries] });
    await client.query({ name: 'hand-rows', text: UPSERT_ROWS, values: [...flush.rows] });
  });
}

/** Rows of values to columns of values. */
function turned(rows: readonly (readonly unknown[])[]): unknown[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column]));
}
