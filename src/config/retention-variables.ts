import type { Setting } from './settings.ts';

/**
 * What partitions, retention and the archive read of the environment; part of VARIABLES. A month goes through
 * the first of them in this order: REMEDIATION_AUDIT_HOT_DAYS after its end it is archived and detached, the
 * grace later it is dropped, and its archive days after its end its files are removed too.
 */
export const RETENTION_VARIABLES = {
  REMEDIATION_AUDIT_HOT_DAYS: {
    default: '90',
    unit: 'days',
    meaning: 'How long a month stays in the database after its end; then it is archived and dropped',
  },
  REMEDIATION_AUDIT_DROP_GRACE_HOURS: {
    default: '24',
    unit: 'h',
    meaning: 'How long a month stays detached, archived and verified, before it is dropped',
  },
  REMEDIATION_AUDIT_REQUIRE_APPROVAL: {
    default: 'false',
    unit: 'boolean',
    meaning: 'Whether somebody must approve each drop of a month',
  },
  // The longest that can be asked for is MAX_RESTORED_DAYS of domain/limits.ts.
  REMEDIATION_AUDIT_RESTORED_DAYS: {
    default: '7',
    unit: 'days',
    meaning: 'How long a restored month stays in the database, unless whoever restores it says otherwise',
  },
  REMEDIATION_AUDIT_ARCHIVE_DAYS: {
    default: '0',
    unit: 'days',
    meaning: 'How long a month stays in the archive after its end; then its files are removed. 0: for ever',
  },
  // The worker also checks every minute that months are ahead, because Temporal may be away when a schedule
  // is due.
  REMEDIATION_AUDIT_ROLLOVER_CRON: {
    default: '10 0 * * *',
    unit: 'cron',
    meaning: 'When months are made ahead, in UTC; once a day or more often',
  },
  // Its runs are given 23 hours (temporal/schedules.ts): more often than daily, and one that is stuck would
  // hold back the next.
  REMEDIATION_AUDIT_RETENTION_CRON: {
    default: '30 2 * * *',
    unit: 'cron',
    meaning: 'When retention runs, in UTC; once a day or less often',
  },
  // Its runs are given 23 hours as well. After retention, which compares the months that it archives by itself.
  REMEDIATION_AUDIT_COMPARISON_CRON: {
    default: '30 5 * * *',
    unit: 'cron',
    meaning: 'When rows are compared with their ledger, in UTC; once a day or less often',
  },
  // Short, because in PostgreSQL whoever comes after a waiting `alter table` waits behind it, readers
  // included.
  REMEDIATION_AUDIT_LOCK_TIMEOUT_MS: {
    default: '500',
    unit: 'ms',
    meaning: 'Longest wait of maintenance for a lock, and so the longest that others wait behind it',
  },
  REMEDIATION_AUDIT_ARCHIVE_URL: {
    default: '',
    unit: 'URL',
    meaning:
      '`file:///folder` or `s3://bucket/prefix`; empty: nothing is archived, and therefore nothing dropped',
  },
  REMEDIATION_AUDIT_ARCHIVE_KEY_FILE: {
    default: '',
    unit: 'path',
    meaning:
      'Ed25519 private key (PEM) that signs manifests; made there if it is missing. Retention needs it',
  },
  REMEDIATION_AUDIT_ARCHIVE_TRUSTED_KEYS_FILE: {
    default: '',
    unit: 'path',
    meaning:
      'Further keys (PEM) that may have signed manifests: earlier ones, or public keys where this process has no private one',
  },
  REMEDIATION_AUDIT_ARCHIVE_WORK_DIR: {
    default: '',
    unit: 'path',
    meaning:
      'Where parts are written before they are uploaded, and after they are downloaded: some 2 GB; empty for the system’s temporary folder',
  },
  // Most files end before that, by their bytes (ADR 23).
  REMEDIATION_AUDIT_ARCHIVE_PART_ROWS: {
    default: '1000000',
    unit: 'rows',
    meaning: 'Rows at which a file of the archive ends',
  },
  // These four bound what questions may cost; export, verification and restore are not among them.
  REMEDIATION_AUDIT_ARCHIVE_QUERIES: {
    default: '2',
    unit: 'questions',
    meaning: 'Questions to the archive at once; sixteen times as many wait, and more are turned away',
  },
  REMEDIATION_AUDIT_ARCHIVE_QUERY_SECONDS: {
    default: '30',
    unit: 's',
    meaning: 'Longest answer out of the archive; a page of a list ends before that',
  },
  REMEDIATION_AUDIT_ARCHIVE_QUERY_MB: {
    default: '512',
    unit: 'MB',
    meaning: 'Memory of DuckDB for all questions together',
  },
  REMEDIATION_AUDIT_ARCHIVE_CACHE_MB: {
    default: '2048',
    unit: 'MB',
    meaning: 'Parts that are kept in the work folder between questions; the least used go first',
  },
  REMEDIATION_AUDIT_S3_REGION: { default: 'us-east-1', unit: '', meaning: 'Region of the bucket' },
  REMEDIATION_AUDIT_S3_ENDPOINT: {
    default: '',
    unit: 'URL',
    meaning: 'Endpoint of another S3 than that of AWS',
  },
  REMEDIATION_AUDIT_S3_PATH_STYLE: {
    default: 'false',
    unit: 'boolean',
    meaning: 'Bucket in the path instead of the host’s name; most stores other than AWS need it',
  },
  REMEDIATION_AUDIT_S3_CHECKSUMS: {
    default: 'when_supported',
    unit: '',
    meaning: '`when_required` for a store that refuses the checksums the SDK adds by itself',
  },
  REMEDIATION_AUDIT_S3_ENCRYPTION: {
    default: 'bucket',
    unit: '',
    meaning: 'Server-side encryption: `bucket` (its default), `AES256` or `aws:kms`',
  },
  REMEDIATION_AUDIT_S3_KMS_KEY_ID: {
    default: '',
    unit: '',
    meaning: 'Key for `aws:kms`; empty for the default one',
  },
  REMEDIATION_AUDIT_S3_LOCK_MODE: {
    default: 'none',
    unit: '',
    meaning: 'Object lock of what is written: `none`, `GOVERNANCE` or `COMPLIANCE`; the bucket must have it',
  },
  REMEDIATION_AUDIT_S3_LOCK_DAYS: {
    default: '365',
    unit: 'days',
    meaning: 'How long the lock holds',
  },
} as const satisfies Readonly<Record<string, Setting>>;
