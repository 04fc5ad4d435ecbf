import { RETENTION_VARIABLES } from './retention-variables.ts';
import type { VARIABLES } from './variables.ts';
import { WATCHER_VARIABLES } from './watcher-variables.ts';

export type VariableName = keyof typeof VARIABLES;

/** The processes of a deployment. `up` runs the last three in one. */
export const PROCESSES = ['migrate', 'watch', 'work', 'serve'] as const;
export type ProcessName = (typeof PROCESSES)[number];

/** `Object.keys` with the type of the names, which it forgets. */
function namesOf<Name extends VariableName>(variables: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(variables) as Name[];
}

/** Three processes speak to Temporal and read the same: what one encrypts another has to decrypt. */
const TEMPORAL = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_API_KEY',
  'TEMPORAL_TLS',
  'TEMPORAL_TLS_CLIENT_CERT_PATH',
  'TEMPORAL_TLS_CLIENT_KEY_PATH',
  'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
  'TEMPORAL_TLS_SERVER_NAME',
  'TEMPORAL_CONFIG_FILE',
  'TEMPORAL_PROFILE',
  'REMEDIATION_AUDIT_PAYLOAD_COMPRESS_ABOVE_BYTES',
  'REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE',
  'REMEDIATION_AUDIT_PAYLOAD_REQUIRE_ENCRYPTION',
] as const;

/** As role audit_writer. `watch` has two connections as audit_watcher, whatever the pool size says, and reads only the rest. */
const DATABASE = [
  'DATABASE_URL',
  'REMEDIATION_AUDIT_DATABASE_POOL_SIZE',
  'REMEDIATION_AUDIT_STATEMENT_TIMEOUT_MS',
] as const;

/** `work` embeds what is recorded and `serve` what somebody asks: only vectors of one model compare. */
const EMBEDDING = [
  'REMEDIATION_AUDIT_EMBEDDING_URL',
  'REMEDIATION_AUDIT_EMBEDDING_MODEL',
  'REMEDIATION_AUDIT_EMBEDDING_API_KEY',
  'REMEDIATION_AUDIT_EMBEDDING_TIMEOUT_MS',
] as const;

/** Rules of retention: `work` follows them, `serve` shows what they will do. */
const RULES = [
  'REMEDIATION_AUDIT_HOT_DAYS',
  'REMEDIATION_AUDIT_DROP_GRACE_HOURS',
  'REMEDIATION_AUDIT_REQUIRE_APPROVAL',
  'REMEDIATION_AUDIT_ARCHIVE_DAYS',
] as const;

/** The store and its keys: `work` signs with the private key, `serve` needs one to verify, public or not. */
const ARCHIVE = [
  'REMEDIATION_AUDIT_ARCHIVE_URL',
  'REMEDIATION_AUDIT_ARCHIVE_KEY_FILE',
  'REMEDIATION_AUDIT_ARCHIVE_TRUSTED_KEYS_FILE',
  'REMEDIATION_AUDIT_ARCHIVE_WORK_DIR',
  ...namesOf(RETENTION_VARIABLES).filter((name) => name.startsWith('REMEDIATION_AUDIT_S3_')),
] as const;

/** Whatever `work` works on. */
const WORKER = [
  ...TEMPORAL,
  'REMEDIATION_AUDIT_STATEMENT_TIMEOUT_MS',
  'REMEDIATION_AUDIT_DATABASE_POOL_SIZE',
  'REMEDIATION_AUDIT_WORKER_QUEUES',
  'REMEDIATION_AUDIT_WORKER_DEPLOYMENT',
  'REMEDIATION_AUDIT_WORKER_BUILD_ID',
  'REMEDIATION_AUDIT_METRICS_HOST',
  'REMEDIATION_AUDIT_WORKER_METRICS_PORT',
  'REMEDIATION_AUDIT_SHUTDOWN_GRACE_SECONDS',
  'REMEDIATION_AUDIT_LOG_LEVEL',
] as const;

/**
 * What `work` reads in each of its two parts, which REMEDIATION_AUDIT_WORKER_QUEUES separates. The part that takes what
 * strangers send has no owner of the tables, no archive and no key.
 */
export const WORK_READS: Readonly<Record<'recording' | 'maintenance', readonly VariableName[]>> = {
  recording: [
    'DATABASE_URL',
    ...WORKER,
    ...EMBEDDING,
    // What comes out of Temporal is redacted by the same rules as what went in.
    'REMEDIATION_AUDIT_REDACTION_FILE',
    // Posts that Temporal kept are stored by `work`.
    'REMEDIATION_AUDIT_API_POSTED_MONTHS_PER_DAY',
  ],
  maintenance: [
    'DATABASE_OWNER_URL',
    ...WORKER,
    ...RULES,
    ...ARCHIVE,
    'REMEDIATION_AUDIT_ARCHIVE_PART_ROWS',
    'REMEDIATION_AUDIT_MONTHS_AHEAD',
    'REMEDIATION_AUDIT_ROLLOVER_CRON',
    'REMEDIATION_AUDIT_RETENTION_CRON',
    'REMEDIATION_AUDIT_COMPARISON_CRON',
    'REMEDIATION_AUDIT_LOCK_TIMEOUT_MS',
  ],
};

/**
 * Which process reads which variable, and therefore which of them compose and the chart give it; tests hold
 * the two and the processes themselves against it. Variables that are in no list are read by `up` and by
 * tests only. Commands such as `report` have no list: they read the environment of whoever types them.
 */
export const READ_BY: Readonly<Record<ProcessName, readonly VariableName[]>> = {
  migrate: ['DATABASE_OWNER_URL', 'REMEDIATION_AUDIT_MONTHS_AHEAD'],
  watch: [
    'DATABASE_URL',
    'REMEDIATION_AUDIT_STATEMENT_TIMEOUT_MS',
    ...TEMPORAL,
    ...namesOf(WATCHER_VARIABLES),
    'REMEDIATION_AUDIT_REDACTION_FILE',
    // The watcher sends these two to the workflows that it starts; the worker does not need them.
    'REMEDIATION_AUDIT_LATE_GRACE_SECONDS',
    'REMEDIATION_AUDIT_ORPHAN_GRACE_SECONDS',
    'REMEDIATION_AUDIT_METRICS_HOST',
    'REMEDIATION_AUDIT_WATCHER_METRICS_PORT',
    'REMEDIATION_AUDIT_LOG_LEVEL',
  ],
  work: [...new Set([...WORK_READS.recording, ...WORK_READS.maintenance])],
  serve: [
    ...DATABASE,
    'DATABASE_READER_URL',
    ...TEMPORAL,
    ...EMBEDDING,
    ...RULES,
    // For a restore over the API, which a workflow then carries out.
    'REMEDIATION_AUDIT_RESTORED_DAYS',
    ...ARCHIVE,
    'REMEDIATION_AUDIT_ARCHIVE_QUERIES',
    'REMEDIATION_AUDIT_ARCHIVE_QUERY_SECONDS',
    'REMEDIATION_AUDIT_ARCHIVE_QUERY_MB',
    'REMEDIATION_AUDIT_ARCHIVE_CACHE_MB',
    // For auth mode `kubernetes`.
    'KUBECONFIG',
    'REMEDIATION_AUDIT_KUBE_CONTEXT',
    'REMEDIATION_AUDIT_CLUSTER',
    'REMEDIATION_AUDIT_REDACTION_FILE',
    'REMEDIATION_AUDIT_API_HOST',
    'REMEDIATION_AUDIT_API_PORT',
    'REMEDIATION_AUDIT_API_AUTH_MODE',
    'REMEDIATION_AUDIT_API_TOKENS_FILE',
    'REMEDIATION_AUDIT_API_TOKEN_AUDIENCES',
    'REMEDIATION_AUDIT_API_TLS_CERT_PATH',
    'REMEDIATION_AUDIT_API_TLS_KEY_PATH',
    'REMEDIATION_AUDIT_API_MAX_CONNECTIONS',
    'REMEDIATION_AUDIT_API_ALLOW_INSECURE_BIND',
    'REMEDIATION_AUDIT_API_ALLOWED_HOSTS',
    'REMEDIATION_AUDIT_API_CODEC_ORIGINS',
    'REMEDIATION_AUDIT_API_DEFERRED_STATUS_CODE',
    'REMEDIATION_AUDIT_API_POSTED_MONTHS_PER_DAY',
    'REMEDIATION_AUDIT_API_SIMILAR_PER_MINUTE',
    'REMEDIATION_AUDIT_API_EMBEDDINGS_PER_MINUTE',
    'REMEDIATION_AUDIT_API_RESTORES_PER_HOUR',
    'REMEDIATION_AUDIT_SHUTDOWN_GRACE_SECONDS',
    'REMEDIATION_AUDIT_LOG_LEVEL',
  ],
};
