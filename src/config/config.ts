/*
 * Configuration: what the environment says, read once at the start of a process and passed on as values.
 *
 * In: the environment and the files it names. Out: one frozen `Config`, or one SettingsError with every mistake.
 * `variables.ts` is the table of all variables, and the documentation is written from it. `process-variables.ts` says which
 * process reads which, `missing-settings.ts` what a process lacks and what is lost without it. `settings.ts` reads one
 * value of one type.
 *
 * What must stay true: only this file touches `process.env`; nothing is started before the whole environment is
 * judged; a message names the variable, what it takes, and never a secret.
 */
import { isIP } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parseJson } from '../domain/json.ts';
import { MAX_RESTORED_DAYS, RECORD_ATTEMPT_SECONDS, STORE_ATTEMPTS } from '../domain/limits.ts';
import { parsePayloadKeys, type PayloadKey } from '../domain/payload-keys.ts';
import { SECOND_MS } from '../domain/time.ts';
import type { RedactionOptions } from '../redaction/options.ts';
import { parseRedactionOptions } from '../redaction/options.ts';
import { SettingsError, SettingsReader } from './settings.ts';
import { readTemporal } from './temporal-settings.ts';
import { findUnknownVariables, withoutServiceLinks } from './unknown-variables.ts';
import { VARIABLES } from './variables.ts';

type Reader = SettingsReader<keyof typeof VARIABLES>;

/** What an attempt to record needs besides its statements: a connection, and the pauses between the store's own attempts. */
const ATTEMPT_RESERVE_SECONDS = 5;

/** More, and Temporal would begin the next attempt while the store is still at one before: they would pile up. */
const MAX_STATEMENT_TIMEOUT_MS =
  ((RECORD_ATTEMPT_SECONDS - ATTEMPT_RESERVE_SECONDS) * SECOND_MS) / STORE_ATTEMPTS;

type Environment = Readonly<Record<string, string | undefined>>;

export type Config = ReturnType<typeof readAll>;

/** What one process needs beyond that every variable is right by itself: a sentence for each thing that is missing. */
export type ConfigCheck = (config: Config) => readonly string[];

const HTTP = { protocols: ['http:', 'https:'] };
const POSTGRES = {
  protocols: ['postgres:', 'postgresql:'],
  example: 'postgres://user:password@host:5432/database',
  isSecret: true,
};

/** Reads and checks the whole environment once. Throws a SettingsError that names every variable at fault. */
export function readConfig(variables: Environment, check: ConfigCheck = () => []): Config {
  const environment = withoutServiceLinks(variables);
  const read = new SettingsReader(VARIABLES, environment);
  const config = deepFreeze(readAll(read, environment));
  const problems = [...read.problems(), ...findUnknownVariables(environment, Object.keys(VARIABLES))];
  // A wrong variable counts as not set: that it is missing too would be said of the same mistake.
  const atFault = new Set(problems.map(firstWord));
  problems.push(...check(config).filter((problem) => !atFault.has(firstWord(problem))));
  if (problems.length > 0) throw new SettingsError(problems);
  return config;
}

function firstWord(text: string): string {
  return text.split(' ', 1)[0] ?? '';
}

function readAll(read: Reader, environment: Environment) {
  return {
    logLevel: read.oneOf('REMEDIATION_AUDIT_LOG_LEVEL', ['debug', 'info', 'warn', 'error', 'silent']),
    shutdownGraceSeconds: read.integer('REMEDIATION_AUDIT_SHUTDOWN_GRACE_SECONDS', 0, 3_600),
    database: {
      url: read.url('DATABASE_URL', POSTGRES),
      readerUrl: read.url('DATABASE_READER_URL', POSTGRES),
      ownerUrl: read.url('DATABASE_OWNER_URL', POSTGRES),
      poolSize: read.integer('REMEDIATION_AUDIT_DATABASE_POOL_SIZE', 1, 100),
      statementTimeoutMs: read.integer(
        'REMEDIATION_AUDIT_STATEMENT_TIMEOUT_MS',
        100,
        MAX_STATEMENT_TIMEOUT_MS,
      ),
      monthsAhead: read.integer('REMEDIATION_AUDIT_MONTHS_AHEAD', 1, 24),
    },
    temporal: { ...readTemporal(read, environment), payloads: readPayloads(read) },
    workflow: {
      lateGraceSeconds: read.integer('REMEDIATION_AUDIT_LATE_GRACE_SECONDS', 0, 86_400),
      orphanGraceSeconds: read.integer('REMEDIATION_AUDIT_ORPHAN_GRACE_SECONDS', 1, 31_536_000),
    },
    kubernetes: {
      kubeconfig: read.text('KUBECONFIG'),
      context: read.text('REMEDIATION_AUDIT_KUBE_CONTEXT'),
      /** Set by the kubelet in every pod. */
      inCluster: (environment['KUBERNETES_SERVICE_HOST'] ?? '') !== '',
    },
    watcher: readWatcher(read),
    worker: readWorker(read),
    retention: readRetention(read),
    redaction: readRedaction(read),
    embedding: {
      url: read.url('REMEDIATION_AUDIT_EMBEDDING_URL', { ...HTTP, example: 'https://api.openai.com/v1' }),
      model: read.text('REMEDIATION_AUDIT_EMBEDDING_MODEL'),
      apiKey: read.text('REMEDIATION_AUDIT_EMBEDDING_API_KEY'),
      timeoutMs: read.integer('REMEDIATION_AUDIT_EMBEDDING_TIMEOUT_MS', 1, 40_000),
    },
    metricsHost: read.text('REMEDIATION_AUDIT_METRICS_HOST'),
    api: {
      host: read.text('REMEDIATION_AUDIT_API_HOST'),
      port: read.port('REMEDIATION_AUDIT_API_PORT'),
      ...readApiAuth(read),
      allowInsecureBind: read.boolean('REMEDIATION_AUDIT_API_ALLOW_INSECURE_BIND'),
      allowedHosts: readAllowedHosts(read),
      codecOrigins: readCodecOrigins(read),
      postedMonthsPerDay: read.integer('REMEDIATION_AUDIT_API_POSTED_MONTHS_PER_DAY', 0, 144),
      quotas: {
        similarPerMinute: read.integer('REMEDIATION_AUDIT_API_SIMILAR_PER_MINUTE', 1, 1_000_000),
        embeddingsPerMinute: read.integer('REMEDIATION_AUDIT_API_EMBEDDINGS_PER_MINUTE', 1, 1_000_000),
        restoresPerHour: read.integer('REMEDIATION_AUDIT_API_RESTORES_PER_HOUR', 1, 10_000),
      },
      deferredStatusCode: Number(read.oneOf('REMEDIATION_AUDIT_API_DEFERRED_STATUS_CODE', ['201', '202'])),
    },
    embedded: readEmbedded(read, environment),
  };
}

function readWorker(read: Reader) {
  return {
    metricsPort: read.port('REMEDIATION_AUDIT_WORKER_METRICS_PORT'),
    queues: read.oneOf('REMEDIATION_AUDIT_WORKER_QUEUES', ['all', 'recording', 'maintenance']),
    version: readWorkerVersion(read),
  };
}

/** Both or none: a deployment without a build cannot be distinguished from the next one. */
function readWorkerVersion(read: Reader): { deploymentName: string; buildId: string } | undefined {
  const deploymentName = read.text('REMEDIATION_AUDIT_WORKER_DEPLOYMENT');
  const buildId = read.text('REMEDIATION_AUDIT_WORKER_BUILD_ID');
  if (deploymentName === '' && buildId === '') return undefined;
  if (deploymentName !== '' && buildId !== '') return { deploymentName, buildId };
  const [missing, present] =
    buildId === ''
      ? (['REMEDIATION_AUDIT_WORKER_BUILD_ID', 'REMEDIATION_AUDIT_WORKER_DEPLOYMENT'] as const)
      : (['REMEDIATION_AUDIT_WORKER_DEPLOYMENT', 'REMEDIATION_AUDIT_WORKER_BUILD_ID'] as const);
  read.complain(`${missing} must be set too where ${present} is; set both or none`);
  return undefined;
}

function readRetention(read: Reader) {
  return {
    rules: {
      hotDays: read.integer('REMEDIATION_AUDIT_HOT_DAYS', 0, 36_500),
      dropGraceHours: read.integer('REMEDIATION_AUDIT_DROP_GRACE_HOURS', 0, 8_760),
      requireApproval: read.boolean('REMEDIATION_AUDIT_REQUIRE_APPROVAL'),
      archiveDays: read.integer('REMEDIATION_AUDIT_ARCHIVE_DAYS', 0, 36_500),
    },
    restoredDays: read.integer('REMEDIATION_AUDIT_RESTORED_DAYS', 1, MAX_RESTORED_DAYS),
    rolloverCron: readCron(read, 'REMEDIATION_AUDIT_ROLLOVER_CRON'),
    retentionCron: readCron(read, 'REMEDIATION_AUDIT_RETENTION_CRON'),
    comparisonCron: readCron(read, 'REMEDIATION_AUDIT_COMPARISON_CRON'),
    lockTimeoutMs: read.integer('REMEDIATION_AUDIT_LOCK_TIMEOUT_MS', 1, 60_000),
    archive: {
      url: readArchiveUrl(read),
      keyFile: read.text('REMEDIATION_AUDIT_ARCHIVE_KEY_FILE'),
      trustedKeysFile: read.text('REMEDIATION_AUDIT_ARCHIVE_TRUSTED_KEYS_FILE'),
      workFolder: read.text('REMEDIATION_AUDIT_ARCHIVE_WORK_DIR') || tmpdir(),
      partRows: read.integer('REMEDIATION_AUDIT_ARCHIVE_PART_ROWS', 1, 10_000_000),
      questions: {
        atOnce: read.integer('REMEDIATION_AUDIT_ARCHIVE_QUERIES', 1, 64),
        timeoutSeconds: read.integer('REMEDIATION_AUDIT_ARCHIVE_QUERY_SECONDS', 1, 3_600),
        memoryMb: read.integer('REMEDIATION_AUDIT_ARCHIVE_QUERY_MB', 64, 1_048_576),
        cacheMb: read.integer('REMEDIATION_AUDIT_ARCHIVE_CACHE_MB', 0, 10_485_760),
      },
      s3: {
        region: read.text('REMEDIATION_AUDIT_S3_REGION'),
        endpoint: read.url('REMEDIATION_AUDIT_S3_ENDPOINT', { ...HTTP, example: 'https://s3.example.com' }),
        pathStyle: read.boolean('REMEDIATION_AUDIT_S3_PATH_STYLE'),
        checksums: read.oneOf('REMEDIATION_AUDIT_S3_CHECKSUMS', ['when_supported', 'when_required']),
        encryption: read.oneOf('REMEDIATION_AUDIT_S3_ENCRYPTION', ['bucket', 'AES256', 'aws:kms']),
        kmsKeyId: read.text('REMEDIATION_AUDIT_S3_KMS_KEY_ID'),
        lockMode: read.oneOf('REMEDIATION_AUDIT_S3_LOCK_MODE', ['none', 'GOVERNANCE', 'COMPLIANCE']),
        lockDays: read.integer('REMEDIATION_AUDIT_S3_LOCK_DAYS', 1, 36_500),
      },
    },
  };
}

function readArchiveUrl(read: Reader): string {
  const url = read.text('REMEDIATION_AUDIT_ARCHIVE_URL');
  if (url === '' || isFolderUrl(url) || (/^s3:\/\/[^/]+/.test(url) && URL.canParse(url))) return url;
  read.complain(
    `REMEDIATION_AUDIT_ARCHIVE_URL must be file:///folder or s3://bucket/prefix, not ${JSON.stringify(url)}`,
  );
  return '';
}

function isFolderUrl(url: string): boolean {
  if (!/^file:\/\/\/./.test(url)) return false;
  try {
    return fileURLToPath(url) !== '';
  } catch {
    // An encoded slash in it: no path can be made of that.
    return false;
  }
}

/** Temporal knows the whole grammar and refuses the rest when the schedule is made; this finds what is no schedule at all. */
function readCron(read: Reader, name: keyof typeof VARIABLES): string {
  const text = read.text(name);
  const fields = text
    .replace(/^(?:CRON_TZ|TZ)=\S+\s+/, '')
    .replace(/\s*#.*$/, '')
    .split(/\s+/);
  const isCron = (fields.length >= 5 && fields.length <= 7) || /^@\w+/.test(text);
  if (!isCron)
    read.complain(
      `${name} must be a schedule of five fields such as 10 0 * * *, not ${JSON.stringify(text)}`,
    );
  return text;
}

function readWatcher(read: Reader) {
  return {
    cluster: read.text('REMEDIATION_AUDIT_CLUSTER'),
    clusters: readClusters(read),
    namespaces: read.list('REMEDIATION_AUDIT_NAMESPACES'),
    listPageSize: read.integer('REMEDIATION_AUDIT_LIST_PAGE_SIZE', 1, 5_000),
    signalConcurrency: read.integer('REMEDIATION_AUDIT_SIGNAL_CONCURRENCY', 1, 256),
    timing: readWatcherTiming(read),
    strict: {
      kinds: read.list('REMEDIATION_AUDIT_STRICT_KINDS'),
      holdMs: read.integer('REMEDIATION_AUDIT_STRICT_DEADLINE_SECONDS', 1, 604_800) * SECOND_MS,
    },
    clusterSilenceSeconds: read.integer('REMEDIATION_AUDIT_CLUSTER_SILENCE_SECONDS', 1, 86_400),
    metricsPort: read.port('REMEDIATION_AUDIT_WATCHER_METRICS_PORT'),
  };
}

/** As `name=context`. */
function readClusters(read: Reader): readonly { readonly cluster: string; readonly context: string }[] {
  const name = 'REMEDIATION_AUDIT_CLUSTERS';
  const clusters = read.list(name).flatMap((entry) => {
    const [, cluster, context] = /^([^=]+)=(.+)$/.exec(entry) ?? [];
    if (cluster !== undefined && context !== undefined) return [{ cluster, context }];
    read.complain(`${name} has ${entry}; write it as name=context`);
    return [];
  });
  if (new Set(clusters.map(({ cluster }) => cluster)).size < clusters.length)
    read.complain(`${name} names a cluster twice; each needs a name of its own`);
  return clusters;
}

function readWatcherTiming(read: Reader) {
  const milliseconds = (name: keyof typeof VARIABLES, most: number): number =>
    read.integer(name, 1, most) * SECOND_MS;
  return {
    watchTimeoutSeconds: read.integer('REMEDIATION_AUDIT_WATCH_TIMEOUT_SECONDS', 1, 3_600),
    inactivityMs: milliseconds('REMEDIATION_AUDIT_WATCH_INACTIVITY_SECONDS', 3_600),
    requestMs: milliseconds('REMEDIATION_AUDIT_KUBE_REQUEST_SECONDS', 600),
    backoffMs: read.integer('REMEDIATION_AUDIT_WATCH_BACKOFF_MS', 1, 30_000),
    longestBackoffMs: milliseconds('REMEDIATION_AUDIT_WATCH_LONGEST_BACKOFF_SECONDS', 600),
    healthyMs: milliseconds('REMEDIATION_AUDIT_WATCH_HEALTHY_SECONDS', 3_600),
    absentPollMs: milliseconds('REMEDIATION_AUDIT_ABSENT_KIND_SECONDS', 3_600),
    reconcileMs: milliseconds('REMEDIATION_AUDIT_RECONCILE_SECONDS', 86_400),
    probeMs: milliseconds('REMEDIATION_AUDIT_LOOK_SECONDS', 86_400),
    reconcileGraceMs: milliseconds('REMEDIATION_AUDIT_RECONCILE_GRACE_SECONDS', 600),
    gatherMs: read.integer('REMEDIATION_AUDIT_GATHER_MS', 0, 60_000),
    briefGatherMs: read.integer('REMEDIATION_AUDIT_BRIEF_GATHER_MS', 0, 10_000),
    coalesceMs: milliseconds('REMEDIATION_AUDIT_COALESCE_SECONDS', 3_600),
    lostRunsMs: milliseconds('REMEDIATION_AUDIT_LOST_RUNS_SECONDS', 3_600),
    recordingGraceMs: milliseconds('REMEDIATION_AUDIT_RECORDING_GRACE_SECONDS', 86_400),
  };
}

/** The environment of this process: the only place that looks at it. */
export function readProcessConfig(check?: ConfigCheck): Config {
  return readConfig(process.env, check);
}

function readApiAuth(read: Reader) {
  const authMode = read.oneOf('REMEDIATION_AUDIT_API_AUTH_MODE', ['none', 'token', 'kubernetes']);
  const tokensFile = read.text('REMEDIATION_AUDIT_API_TOKENS_FILE');
  if (authMode === 'token' && tokensFile === '')
    read.complain('REMEDIATION_AUDIT_API_TOKENS_FILE must be set in auth mode token');
  const certificatePath = read.text('REMEDIATION_AUDIT_API_TLS_CERT_PATH');
  const keyPath = read.text('REMEDIATION_AUDIT_API_TLS_KEY_PATH');
  if ((certificatePath === '') !== (keyPath === ''))
    read.complain(
      'REMEDIATION_AUDIT_API_TLS_CERT_PATH and REMEDIATION_AUDIT_API_TLS_KEY_PATH must be set together',
    );
  return {
    authMode,
    tokensFile,
    audiences: read.list('REMEDIATION_AUDIT_API_TOKEN_AUDIENCES'),
    tls: certificatePath === '' ? undefined : { certificatePath, keyPath },
    maxConnections: read.integer('REMEDIATION_AUDIT_API_MAX_CONNECTIONS', 1, 1_000_000),
  };
}

/** Without scheme and port, as they stand in a `Host` header. */
function readAllowedHosts(read: Reader): readonly string[] {
  const name = 'REMEDIATION_AUDIT_API_ALLOWED_HOSTS';
  const hosts = read.list(name);
  const wrong = hosts.find((host) => !isIP(host) && !/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(host));
  if (wrong !== undefined)
    read.complain(
      `${name} must list names such as audit.example.com, without scheme and port, not ${JSON.stringify(wrong)}`,
    );
  return hosts;
}

/** As browsers spell them: a slash at the end would never match. */
function readCodecOrigins(read: Reader): readonly string[] {
  const name = 'REMEDIATION_AUDIT_API_CODEC_ORIGINS';
  const origins = read.list(name);
  const wrong = origins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin);
  if (wrong !== undefined)
    read.complain(
      `${name} must list origins such as https://temporal.example.com, not ${JSON.stringify(wrong)}`,
    );
  return origins;
}

/** What only `up` needs: embedded servers and what plays in them. */
function readEmbedded(read: Reader, environment: Environment) {
  const { REMEDIATION_AUDIT_CACHE_DIR: cacheDir = '' } = environment;
  return {
    // Set and empty is as unset, or everything would be cached in the folder the command was typed in.
    cacheDir: cacheDir === '' ? join(homedir(), '.cache', 'remediation-audit') : cacheDir,
    searchPath: environment['PATH'] ?? '',
    allowUnpinned: read.boolean('REMEDIATION_AUDIT_UNPINNED_DOWNLOADS'),
    simulatorSeed: read.optionalInteger('REMEDIATION_AUDIT_SIMULATOR_SEED'),
    simulatorSpeed: read.integer('REMEDIATION_AUDIT_SIMULATOR_SPEED', 1, 10_000),
    serverPaths: {
      temporal: read.text('REMEDIATION_AUDIT_TEMPORAL_PATH'),
      'temporal-cli': read.text('REMEDIATION_AUDIT_TEMPORAL_CLI_PATH'),
      'kube-apiserver': read.text('REMEDIATION_AUDIT_KUBE_APISERVER_PATH'),
      etcd: read.text('REMEDIATION_AUDIT_ETCD_PATH'),
      kubectl: read.text('REMEDIATION_AUDIT_KUBECTL_PATH'),
      versitygw: read.text('REMEDIATION_AUDIT_VERSITYGW_PATH'),
      helm: read.text('REMEDIATION_AUDIT_HELM_PATH'),
      promtool: read.text('REMEDIATION_AUDIT_PROMTOOL_PATH'),
      pgvector: read.text('REMEDIATION_AUDIT_PGVECTOR_PATH'),
      duckdb: read.text('REMEDIATION_AUDIT_DUCKDB_PATH'),
      'temporal-server': read.text('REMEDIATION_AUDIT_TEMPORAL_SERVER_PATH'),
      'temporal-sql-tool': read.text('REMEDIATION_AUDIT_TEMPORAL_SQL_TOOL_PATH'),
      'oapi-codegen': read.text('REMEDIATION_AUDIT_OAPI_CODEGEN_PATH'),
      ogen: read.text('REMEDIATION_AUDIT_OGEN_PATH'),
      krew: read.text('REMEDIATION_AUDIT_KREW_PATH'),
    },
  };
}

function readRedaction(read: Reader): RedactionOptions {
  const parse = (text: string): RedactionOptions => parseRedactionOptions(parseJson(text));
  return read.file('REMEDIATION_AUDIT_REDACTION_FILE', parse) ?? {};
}

function readPayloads(read: Reader) {
  const requireEncryption = read.boolean('REMEDIATION_AUDIT_PAYLOAD_REQUIRE_ENCRYPTION');
  if (requireEncryption && read.text('REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE') === '')
    read.complain(
      'REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE must be set where REMEDIATION_AUDIT_PAYLOAD_REQUIRE_ENCRYPTION is',
    );
  return {
    compressAboveBytes: read.integer('REMEDIATION_AUDIT_PAYLOAD_COMPRESS_ABOVE_BYTES', 0, 2_097_152),
    keys: read.file('REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE', readPayloadKeys) ?? [],
    requireEncryption,
  };
}

function readPayloadKeys(text: string): readonly PayloadKey[] {
  const keys = parsePayloadKeys(text);
  if (keys.length === 0) throw new Error('it holds no key');
  return keys;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
