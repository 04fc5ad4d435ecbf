import pg from 'pg';

/**
 * What an error of the database means for the record it happened to. Everything but `poison`, `repairable` and
 * `out-of-range` is tried again: the record is good, the world is not.
 */
export type ErrorClass =
  /** Connection lost or refused, server starting, stopping or read-only. The commit may have happened all the same. */
  | 'connection'
  /** Deadlock, serialisation, lock or statement timeout. */
  | 'contention'
  /** Disk full, out of memory, I/O error. */
  | 'resources'
  /** The record's month does not exist yet. */
  | 'missing-partition'
  /** A character that PostgreSQL does not take: repaired, the value is storable. */
  | 'repairable'
  /** A value that PostgreSQL will never take. */
  | 'poison'
  /** A statement of ours is wrong, or the schema is not the one we were written for. */
  | 'deployment'
  /** The server's data are damaged. */
  | 'corruption'
  | 'unknown';

/** SQLSTATEs that the code decides by; code and name stand together here and nowhere else. */
export const SQLSTATE = {
  admin_shutdown: '57P01',
  check_violation: '23514',
  datetime_field_overflow: '22008',
  deadlock_detected: '40P01',
  disk_full: '53100',
  insufficient_privilege: '42501',
  invalid_text_representation: '22P02',
  lock_not_available: '55P03',
  /** Ours, of `audit_require_open_months`: the record would go into a month that is archived. */
  month_closed: 'RA001',
  /** Ours, of `audit_create_month`: the poster has made as many months as one may in a day. */
  months_exhausted: 'RA002',
  /** Ours, of `audit_claim_records`: a record that was taken for a new one is known. */
  record_known: 'RA003',
  query_canceled: '57014',
  statement_too_complex: '54001',
  undefined_table: '42P01',
  unique_violation: '23505',
} as const;

/** Classes first (two characters), then single codes, which win. */
const CLASS_BY_PREFIX: Readonly<Record<string, ErrorClass>> = {
  '08': 'connection', // connection_exception
  '28': 'deployment', // invalid_authorization_specification
  '3D': 'deployment', // invalid_catalog_name
  '40': 'contention', // transaction_rollback: serialization_failure, deadlock_detected
  '42': 'deployment', // syntax_error_or_access_rule_violation: a missing table, column or right
  '53': 'resources', // insufficient_resources: disk_full, out_of_memory
  '58': 'resources', // system_error: io_error
};

const CLASS_BY_CODE: Readonly<Record<string, ErrorClass>> = {
  '0A000': 'deployment', // feature_not_supported: leaving the partition in an upsert
  '21000': 'deployment', // cardinality_violation: one key twice in one upsert
  '22001': 'poison', // string_data_right_truncation
  '22003': 'poison', // numeric_value_out_of_range
  '22007': 'poison', // invalid_datetime_format
  '22008': 'poison', // datetime_field_overflow
  '22009': 'poison', // invalid_time_zone_displacement_value
  '22015': 'poison', // interval_field_overflow
  '22021': 'repairable', // character_not_in_repertoire: NUL in text
  '22023': 'poison', // invalid_parameter_value
  '22P02': 'repairable', // invalid_text_representation: a lone surrogate in JSON, or a value that is none of its type
  '22P03': 'poison', // invalid_binary_representation
  '22P05': 'repairable', // untranslatable_character: NUL in JSON
  '23502': 'poison', // not_null_violation
  '23505': 'contention', // unique_violation: two first partitions of one month at once
  '25006': 'connection', // read_only_sql_transaction: a failover is under way
  '25P03': 'connection', // idle_in_transaction_session_timeout: the server has ended the session
  '53300': 'connection', // too_many_connections
  '54000': 'poison', // program_limit_exceeded: an index entry above 2,704 bytes
  '54001': 'poison', // statement_too_complex: JSON nested deeper than the stack of the server
  '55P03': 'contention', // lock_not_available
  '57014': 'contention', // query_canceled: statement_timeout
  '57P01': 'connection', // admin_shutdown
  '57P02': 'connection', // crash_shutdown
  '57P03': 'connection', // cannot_connect_now
  '57P05': 'connection', // idle_session_timeout
  RA001: 'poison', // month_closed
  RA002: 'poison', // months_exhausted
  XX001: 'corruption', // data_corrupted
  XX002: 'corruption', // index_corrupted
};

export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

export function classifyError(error: unknown): ErrorClass {
  if (!(error instanceof pg.DatabaseError)) return isConnectionLoss(error) ? 'connection' : 'unknown';
  const code = error.code ?? '';
  if (code === SQLSTATE.check_violation) return classifyCheckViolation(error);
  return CLASS_BY_CODE[code] ?? CLASS_BY_PREFIX[code.slice(0, 2)] ?? 'unknown';
}

/** Classes that pass by themselves: the same statement may succeed later, and nobody has to change anything. */
const PASSING: ReadonlySet<ErrorClass> = new Set(['connection', 'contention', 'resources']);

/** Whether the database cannot answer now. Anything else is a mistake of ours, of the schema or of what was given to us. */
export function isOutage(error: unknown): boolean {
  // A key that is taken passes by itself only where a month is made, and nobody asks for that here.
  return PASSING.has(classifyError(error)) && sqlStateOf(error) !== SQLSTATE.unique_violation;
}

/** Whether a lost or refused connection is among the causes. */
export function isConnectionFailure(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (classifyError(cause) === 'connection') return true;
  return false;
}

/**
 * "No partition of relation found for row" has the code of a check violation and no constraint name. The row is fine,
 * its month is not there yet. Treating class 23 as hopeless would drop rows exactly when the rollover is late.
 */
function classifyCheckViolation(error: pg.DatabaseError): ErrorClass {
  if (error.constraint !== undefined) return 'poison';
  return 'missing-partition';
}

const CONNECTION_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
]);

/** The driver reports a lost connection, and a pool that this process has closed because it ends, by plain errors with these words. */
const CONNECTION_WORDS =
  /Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|not queryable|after calling end on the pool|Query read timeout/;

function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.every(isConnectionLoss);
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  // The socket file of a server that is not running.
  if (code === 'ENOENT' && syscall === 'connect') return true;
  return CONNECTION_ERRORS.has(code) || CONNECTION_WORDS.test(error.message);
}
