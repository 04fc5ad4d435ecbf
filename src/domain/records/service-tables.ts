import type { ColumnType } from '../column-types.ts';

/** A table of the service itself: not the fold of observations, but what keeps them safe and says where they are. */
export interface ServiceTable {
  readonly table: string;
  readonly meaning: string;
  /** One partition per month of created_at. Default false. */
  readonly partitioned?: boolean;
  readonly columns: readonly ServiceColumn[];
}

export interface ServiceColumn {
  readonly name: string;
  readonly type: ColumnType | 'bytea' | 'date';
  readonly meaning: string;
  /** Default false. */
  readonly notNull?: boolean;
}

/** Where a month is. */
export const PARTITION_STATES = [
  'live',
  'archiving',
  'archived',
  'detached',
  'dropped',
  'restored',
  'expired',
] as const;
export type PartitionState = (typeof PARTITION_STATES)[number];

export const LEDGER_TABLE = 'audit_ledger';
export const ACCESS_TABLE = 'audit_access';

export const SERVICE_TABLES = [
  {
    table: 'record_home',
    meaning:
      'Where each record lives: decided by its first acceptance, and for good by its resource. Makes an id unique across months.',
    columns: [
      { name: 'id', type: 'uuid', notNull: true, meaning: 'Identity of the record' },
      { name: 'table_name', type: 'text', notNull: true, meaning: 'Table of the record' },
      {
        name: 'created_at',
        type: 'timestamptz',
        notNull: true,
        meaning: 'Its partition key: the row lives in the month of this instant',
      },
      {
        name: 'is_final',
        type: 'boolean',
        notNull: true,
        meaning: 'The creation time of its resource decided it; else an observation of the resource moves it',
      },
    ],
  },
  {
    table: 'record_alias',
    meaning:
      'Other names of records: ids that clients gave them, and hashes of what their source calls them. By them posts and resources meet.',
    columns: [
      { name: 'table_name', type: 'text', notNull: true, meaning: 'Table of the record' },
      {
        name: 'given_by',
        type: 'text',
        notNull: true,
        meaning:
          'Whose name it is: client (an id as posted), source (hash of its own key), resource (id by the key of the resource)',
      },
      { name: 'id', type: 'uuid', notNull: true, meaning: 'The other name' },
      { name: 'record_id', type: 'uuid', notNull: true, meaning: 'Identity of the record' },
      {
        name: 'since',
        type: 'timestamptz',
        meaning: 'Of a name that the newest of several records has: the start of that one. Else null',
      },
    ],
  },
  {
    table: 'record_move',
    meaning:
      'Records that posts had put elsewhere than their resource belongs. Their old ledger entries stay.',
    columns: [
      { name: 'id', type: 'uuid', notNull: true, meaning: 'Identity of the record' },
      { name: 'table_name', type: 'text', notNull: true, meaning: 'Table of the record' },
      { name: 'from_created_at', type: 'timestamptz', notNull: true, meaning: 'Its partition key before' },
      {
        name: 'to_created_at',
        type: 'timestamptz',
        notNull: true,
        meaning: 'Its partition key since: the creation time of its resource',
      },
      {
        name: 'entries',
        type: 'integer',
        notNull: true,
        meaning: 'Ledger entries that stand again at the new location; 0 when they were in the archive only',
      },
      { name: 'moved_at', type: 'timestamptz', notNull: true, meaning: 'When it was moved' },
      {
        name: 'left_behind',
        type: 'boolean',
        notNull: true,
        meaning: 'The old month was in the archive by then: there are a row and entries that were not moved',
      },
    ],
  },
  {
    table: LEDGER_TABLE,
    meaning: 'Every observation once, append-only. The row of a record is the fold of its entries here.',
    partitioned: true,
    columns: [
      { name: 'record_id', type: 'uuid', notNull: true, meaning: 'Record that was observed' },
      {
        name: 'created_at',
        type: 'timestamptz',
        notNull: true,
        meaning: 'Partition key of that record: row and history live, are archived and are held together',
      },
      {
        name: 'source_version',
        type: 'bigint',
        notNull: true,
        meaning: 'Version of what was observed; the newest decides',
      },
      { name: 'content_hash', type: 'bytea', notNull: true, meaning: 'SHA-256 of `canonical`' },
      {
        name: 'seq',
        type: 'bigint',
        notNull: true,
        meaning: 'Taken before the commit: a later one may become visible first',
      },
      { name: 'recorded_at', type: 'timestamptz', notNull: true, meaning: 'When the entry was written' },
      { name: 'observed_at', type: 'timestamptz', notNull: true, meaning: 'Clock of the observer' },
      { name: 'table_name', type: 'text', notNull: true, meaning: 'Table of the record' },
      { name: 'cluster', type: 'text', notNull: true, meaning: 'Configured name of the cluster' },
      { name: 'remediation_uid', type: 'text', meaning: 'uid of the remediation, where known' },
      { name: 'phase', type: 'text', notNull: true, meaning: 'Audit phase of the observation' },
      {
        name: 'actor',
        type: 'text',
        notNull: true,
        meaning:
          'Who did it: the caller of a post, or the manager that the API server noted for the newest write; `watcher` where it noted none',
      },
      { name: 'canonical', type: 'text', notNull: true, meaning: 'What was observed, as canonical JSON' },
      {
        name: 'salt',
        type: 'bytea',
        notNull: true,
        meaning: '16 random bytes, so that erased content cannot be guessed from its hash',
      },
      {
        name: 'payload_hash',
        type: 'bytea',
        notNull: true,
        meaning: 'SHA-256 of salt and `canonical`; stays when the content is erased',
      },
      {
        name: 'leaf_hash',
        type: 'bytea',
        notNull: true,
        meaning: 'SHA-256 of the leaf that commits to this entry',
      },
    ],
  },
  {
    table: 'audit_partition',
    meaning:
      'One row per month of all partitioned tables and their ledger: the single place that knows where a month is.',
    columns: [
      { name: 'month', type: 'date', notNull: true, meaning: 'First day of the month' },
      {
        name: 'state',
        type: 'text',
        notNull: true,
        meaning: '`live`, `archiving`, `archived`, `detached`, `dropped`, `restored` or `expired`',
      },
      { name: 'created_at', type: 'timestamptz', notNull: true, meaning: 'When the month was made' },
      { name: 'updated_at', type: 'timestamptz', notNull: true, meaning: 'When this row last changed' },
      { name: 'row_counts', type: 'jsonb', meaning: 'Rows per table as archived' },
      { name: 'manifest', type: 'text', meaning: 'Reference of the newest manifest in the object store' },
      { name: 'manifest_sha256', type: 'bytea', meaning: 'SHA-256 of that manifest' },
      { name: 'approved_by', type: 'text', meaning: 'Who approved that the month is dropped' },
      { name: 'approved_at', type: 'timestamptz', meaning: 'When that was approved' },
      {
        name: 'approved_manifest_sha256',
        type: 'bytea',
        meaning: 'SHA-256 of the manifest that was approved: with another manifest the approval is none',
      },
      { name: 'revoked_by', type: 'text', meaning: 'Who last revoked an approval' },
      { name: 'revoked_at', type: 'timestamptz', meaning: 'When that was revoked' },
      { name: 'archived_at', type: 'timestamptz', meaning: 'When its archive was read back and matched' },
      { name: 'detached_at', type: 'timestamptz', meaning: 'When it was detached' },
      { name: 'dropped_at', type: 'timestamptz', meaning: 'When it was dropped' },
      { name: 'restored_at', type: 'timestamptz', meaning: 'When it was last restored' },
      {
        name: 'restored_until',
        type: 'timestamptz',
        meaning: 'Until when retention leaves the restored month alone',
      },
      {
        name: 'settled_manifest',
        type: 'text',
        meaning: 'Manifest the last drop relied on: its parts stay part of every later one',
      },
      { name: 'fault', type: 'text', meaning: 'Why retention last stopped at this month' },
      { name: 'fault_at', type: 'timestamptz', meaning: 'When that was' },
      { name: 'restored_by', type: 'text', meaning: 'Who asked for the last restore' },
      {
        name: 'expired_at',
        type: 'timestamptz',
        meaning: 'When its archive was removed because of its age',
      },
      { name: 'made_by', type: 'text', meaning: 'Whose posts made the month, or made it live again' },
      { name: 'made_at', type: 'timestamptz', meaning: 'When the month was made, or became live again' },
      { name: 'export_run', type: 'text', meaning: 'Run of retention whose export is under way' },
      {
        name: 'export_parts',
        type: 'jsonb',
        meaning: 'By table, the parts which that run has exported, and whether they were read back',
      },
    ],
  },
  {
    table: 'audit_restore_request',
    meaning:
      'Restores that were requested and are not over: without a row that is in force no step of a restore does anything.',
    columns: [
      { name: 'month', type: 'date', notNull: true, meaning: 'First day of the month' },
      { name: 'days', type: 'integer', notNull: true, meaning: 'How long retention is to leave it alone' },
      { name: 'requested_by', type: 'text', notNull: true, meaning: 'Who requested it last' },
      { name: 'requested_at', type: 'timestamptz', notNull: true, meaning: 'When that was' },
      {
        name: 'expires_at',
        type: 'timestamptz',
        notNull: true,
        meaning: 'When it ends by itself: a day after it was made, a week after the last step of its restore',
      },
    ],
  },
  {
    table: 'observed_resource',
    meaning:
      'What the watcher knows of each resource: it skips what is recorded and finds what vanished unseen.',
    columns: [
      { name: 'cluster', type: 'text', notNull: true, meaning: 'Configured name of the cluster' },
      { name: 'source_uid', type: 'text', notNull: true, meaning: 'uid of the resource' },
      { name: 'kind', type: 'text', notNull: true, meaning: 'Kind of the resource' },
      { name: 'namespace', type: 'text', notNull: true, meaning: 'Its namespace' },
      { name: 'name', type: 'text', notNull: true, meaning: 'Its name' },
      { name: 'remediation_uid', type: 'text', meaning: 'uid of its remediation, where known' },
      {
        name: 'source_version',
        type: 'bigint',
        notNull: true,
        meaning: 'Newest version that was recorded to its end; 0 while there is none',
      },
      { name: 'projection_hash', type: 'bytea', meaning: 'Hash of what was recorded of that version' },
      { name: 'phase', type: 'text', meaning: 'Phase it was last seen in' },
      { name: 'first_seen', type: 'timestamptz', notNull: true, meaning: 'First recorded observation of it' },
      { name: 'last_seen', type: 'timestamptz', notNull: true, meaning: 'Last recorded observation of it' },
      { name: 'deleted_at', type: 'timestamptz', meaning: 'When it was deleted, or found to be gone' },
      { name: 'phase_version', type: 'bigint', notNull: true, meaning: 'Version that phase was read from' },
      {
        name: 'unmatched',
        type: 'boolean',
        notNull: true,
        meaning: 'Whether its remediation, or the verdict of one that was deleted, is still to be found',
      },
    ],
  },
  {
    table: 'audit_quarantine',
    meaning: 'What could not be stored, and why. Listed, counted and re-driven; never dropped.',
    columns: [
      { name: 'id', type: 'uuid', notNull: true, meaning: 'Names the entry when it is re-driven' },
      { name: 'received_at', type: 'timestamptz', notNull: true, meaning: 'When it was first refused' },
      { name: 'table_name', type: 'text', notNull: true, meaning: 'Table it was meant for' },
      { name: 'cluster', type: 'text', meaning: 'Configured name of the cluster' },
      { name: 'remediation_uid', type: 'text', meaning: 'uid of the remediation, where known' },
      { name: 'reason', type: 'text', notNull: true, meaning: 'Why it was refused' },
      { name: 'sqlstate', type: 'text', meaning: "PostgreSQL's code, where it was the one to refuse" },
      {
        name: 'payload',
        type: 'text',
        notNull: true,
        meaning: 'The observation as JSON text: text, because it may be what jsonb refuses',
      },
      {
        name: 'payload_hash',
        type: 'bytea',
        notNull: true,
        meaning: 'SHA-256 of the payload: the same one refused again is the same entry',
      },
      { name: 'last_refused_at', type: 'timestamptz', notNull: true, meaning: 'When it was last refused' },
      { name: 'refusals', type: 'integer', notNull: true, meaning: 'How often it was refused' },
      {
        name: 'resolved_at',
        type: 'timestamptz',
        meaning: 'When it was stored after all, or settled otherwise',
      },
      { name: 'resolved_by', type: 'text', meaning: 'Who settled it' },
    ],
  },
  {
    table: 'audit_hold',
    meaning: 'Legal holds. A match keeps the whole month, rows that come later included.',
    columns: [
      { name: 'id', type: 'uuid', notNull: true, meaning: 'Names the hold' },
      { name: 'cluster', type: 'text', meaning: 'Scope: cluster; any when null' },
      { name: 'remediation_uid', type: 'text', meaning: 'Scope: uid of one remediation' },
      { name: 'namespace', type: 'text', meaning: 'Scope: namespace of what was remediated' },
      { name: 'target_resource', type: 'text', meaning: 'Scope: what was remediated' },
      {
        name: 'from_time',
        type: 'timestamptz',
        meaning: 'Scope: records that live at or after this instant',
      },
      { name: 'to_time', type: 'timestamptz', meaning: 'Scope: records that live before this instant' },
      { name: 'reason', type: 'text', notNull: true, meaning: 'Why it is held' },
      { name: 'placed_by', type: 'text', notNull: true, meaning: 'Who placed it' },
      { name: 'placed_at', type: 'timestamptz', notNull: true, meaning: 'When it was placed' },
      { name: 'released_by', type: 'text', meaning: 'Who released it' },
      { name: 'released_at', type: 'timestamptz', meaning: 'When it was released' },
    ],
  },
  {
    table: 'audit_hold_archive',
    meaning:
      'What each legal hold does to an archived month: a match holds every object of the month in the store.',
    columns: [
      { name: 'hold_id', type: 'uuid', notNull: true, meaning: 'The hold' },
      { name: 'month', type: 'date', notNull: true, meaning: 'First day of the month' },
      {
        name: 'state',
        type: 'text',
        notNull: true,
        meaning:
          '`unmatched`: no row of the month matches; `held`; `unsupported`: the store knows no legal holds; `released`',
      },
      { name: 'manifest', type: 'text', meaning: 'Newest manifest of the month when this was found out' },
      { name: 'objects', type: 'integer', notNull: true, meaning: 'How many objects are held' },
      { name: 'changed_at', type: 'timestamptz', notNull: true, meaning: 'When this was found out' },
    ],
  },
  {
    table: ACCESS_TABLE,
    meaning: 'Who read what, and who was refused: append-only, archived with its month.',
    partitioned: true,
    columns: [
      { name: 'id', type: 'bigint', notNull: true, meaning: 'Number of the entry' },
      {
        name: 'created_at',
        type: 'timestamptz',
        notNull: true,
        meaning: 'When it was read, by the clock of the database; for refusals, when they were noted',
      },
      { name: 'caller', type: 'text', notNull: true, meaning: 'Who read; `unknown` for whom nobody knows' },
      { name: 'route', type: 'text', notNull: true, meaning: 'Route, or command' },
      { name: 'filter', type: 'jsonb', meaning: 'What was asked for' },
      { name: 'rows_returned', type: 'bigint', meaning: 'How many rows the answer held' },
      { name: 'request_id', type: 'text', meaning: 'Id of the request, as in the log' },
      { name: 'status', type: 'integer', meaning: 'Status of the answer; absent for a command' },
      { name: 'address', type: 'text', meaning: 'Address from which a refused request came' },
      {
        name: 'times',
        type: 'integer',
        notNull: true,
        meaning: 'How many requests the entry stands for: refusals are counted by caller, address and minute',
      },
      {
        name: 'noted_as',
        type: 'text',
        notNull: true,
        meaning: 'Role of the database session that wrote the entry',
      },
    ],
  },
  {
    table: 'audit_cluster',
    meaning: 'Restores of clusters. A cluster that is not listed has epoch 0.',
    columns: [
      { name: 'cluster', type: 'text', notNull: true, meaning: 'Configured name of the cluster' },
      {
        name: 'epoch',
        type: 'bigint',
        notNull: true,
        meaning: 'Raised when etcd was restored and versions went back; above every version before it',
      },
      { name: 'raised_by', type: 'text', meaning: 'Who raised it' },
      { name: 'raised_at', type: 'timestamptz', meaning: 'When it was raised' },
    ],
  },
  {
    table: 'watched_cluster',
    meaning: 'Which cluster stands behind each name, and what its watcher last reported.',
    columns: [
      { name: 'cluster', type: 'text', notNull: true, meaning: 'Configured name of the cluster' },
      {
        name: 'identity',
        type: 'text',
        meaning: 'uid of its namespace kube-system; a watcher that finds another one under this name ends',
      },
      {
        name: 'first_watched_at',
        type: 'timestamptz',
        notNull: true,
        meaning: 'When a watcher first had this name',
      },
      { name: 'reported_at', type: 'timestamptz', meaning: 'When its watcher last reported' },
      {
        name: 'report',
        type: 'jsonb',
        meaning: 'What it has seen, what of that is recorded, and what is missing: GET /api/v1/completeness',
      },
    ],
  },
  {
    table: 'schema_migration',
    meaning: 'Files of `migrations/` that were applied.',
    columns: [
      {
        name: 'version',
        type: 'integer',
        notNull: true,
        meaning: 'Number of the migration; 0 is `functions.sql`',
      },
      { name: 'name', type: 'text', notNull: true, meaning: 'Name of its file' },
      {
        name: 'sha256',
        type: 'text',
        notNull: true,
        meaning: 'SHA-256 of its text: an edited migration is refused, edited functions are applied again',
      },
      { name: 'applied_at', type: 'timestamptz', notNull: true, meaning: 'When it was applied' },
    ],
  },
] as const satisfies readonly ServiceTable[];
