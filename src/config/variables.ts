import { RETENTION_VARIABLES } from './retention-variables.ts';
import type { Setting } from './settings.ts';
import { USER_VARIABLES } from './user-environment.ts';
import { WATCHER_VARIABLES } from './watcher-variables.ts';

/**
 * Every variable this program reads, as `docs/configuration.md` shows them; a test holds the two together.
 * Variables of other owners (PostgreSQL, Temporal, Kubernetes) keep their usual names. A default stands here
 * as text; its bounds and its type are in config.ts, who reads it in process-variables.ts.
 */
export const VARIABLES = {
  DATABASE_URL: {
    default: '',
    unit: 'URL',
    meaning: 'PostgreSQL as role audit_writer; recording and `serve` need it',
  },
  DATABASE_READER_URL: {
    default: '',
    unit: 'URL',
    meaning:
      'PostgreSQL as role audit_reader, with which `serve` answers questions; commands that read prefer it',
  },
  DATABASE_OWNER_URL: {
    default: '',
    unit: 'URL',
    meaning: 'PostgreSQL as role audit_owner; `migrate` and maintenance in `work` need it',
  },
  // Temporal's own names, which its SDK reads; here for the documentation and for the checks of
  // temporal-settings.ts.
  TEMPORAL_ADDRESS: { default: 'localhost:7233', unit: 'host:port', meaning: 'Temporal frontend' },
  TEMPORAL_NAMESPACE: { default: 'default', unit: '', meaning: 'Temporal namespace' },
  TEMPORAL_API_KEY: { default: '', unit: '', meaning: 'API key of Temporal Cloud; turns TLS on' },
  TEMPORAL_TLS: { default: '', unit: 'boolean', meaning: 'TLS to Temporal' },
  TEMPORAL_TLS_CLIENT_CERT_PATH: { default: '', unit: 'path', meaning: 'Client certificate for mTLS' },
  TEMPORAL_TLS_CLIENT_KEY_PATH: { default: '', unit: 'path', meaning: 'Key of the client certificate' },
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: {
    default: '',
    unit: 'path',
    meaning: 'CA that signed the server certificate',
  },
  TEMPORAL_TLS_SERVER_NAME: { default: '', unit: '', meaning: 'Name expected in the server certificate' },
  TEMPORAL_CONFIG_FILE: {
    default: '',
    unit: 'path',
    meaning: 'Temporal profile file; read only when named here',
  },
  TEMPORAL_PROFILE: { default: '', unit: '', meaning: 'Profile within that file' },
  REMEDIATION_AUDIT_PAYLOAD_COMPRESS_ABOVE_BYTES: {
    default: '16384',
    unit: 'bytes',
    meaning:
      'Payloads in Temporal above it are compressed; 0 never. The UI shows those only through the codec of the API',
  },
  // The first key encrypts and all of them decrypt, so a new key goes to the top while old payloads exist.
  REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE: {
    default: '',
    unit: 'path',
    meaning:
      'Keys that encrypt payloads and failures in Temporal, one a line: name, space, 32 bytes as base64; the first one encrypts',
  },
  REMEDIATION_AUDIT_PAYLOAD_REQUIRE_ENCRYPTION: {
    default: 'false',
    unit: 'boolean',
    meaning:
      'Whether payloads in Temporal that are not encrypted are refused. Set it once nothing is left of what was written before the keys',
  },
  ...WATCHER_VARIABLES,
  REMEDIATION_AUDIT_REDACTION_FILE: {
    default: '',
    unit: 'path',
    meaning: 'JSON file that adds to the redaction rules; its members are in docs/redaction.md',
  },
  REMEDIATION_AUDIT_API_HOST: {
    default: '127.0.0.1',
    unit: 'address',
    meaning: 'Address the API listens on',
  },
  REMEDIATION_AUDIT_API_PORT: {
    default: '8085',
    unit: 'port',
    meaning: 'Port of the API, its probes and its metrics',
  },
  REMEDIATION_AUDIT_API_AUTH_MODE: {
    default: 'none',
    unit: '',
    meaning:
      'Who may call: `kubernetes` asks the API server, `token` reads a file of hashed tokens, `none` lets anybody in, on loopback only',
  },
  REMEDIATION_AUDIT_API_TOKENS_FILE: {
    default: '',
    unit: 'path',
    meaning:
      'JSON file of hashed tokens for mode `token`; docs/api.md shows its members. Read again when it changes',
  },
  REMEDIATION_AUDIT_API_TOKEN_AUDIENCES: {
    default: '',
    unit: 'list',
    meaning:
      'Audiences; in mode `kubernetes` a token must be issued for one of them; empty: those of the API server',
  },
  REMEDIATION_AUDIT_API_TLS_CERT_PATH: {
    default: '',
    unit: 'path',
    meaning: 'Certificate of the API; plain HTTP without it. Read again when it changes',
  },
  REMEDIATION_AUDIT_API_TLS_KEY_PATH: { default: '', unit: 'path', meaning: 'Key of that certificate' },
  REMEDIATION_AUDIT_API_MAX_CONNECTIONS: {
    default: '4096',
    unit: 'connections',
    meaning: 'Connections to the API at once; more are refused and counted',
  },
  REMEDIATION_AUDIT_API_ALLOW_INSECURE_BIND: {
    default: 'false',
    unit: 'boolean',
    meaning: 'Lets mode `none` listen beyond loopback; only where something else keeps strangers out',
  },
  REMEDIATION_AUDIT_API_ALLOWED_HOSTS: {
    default: '',
    unit: 'list',
    meaning:
      'Names under which mode `none` answers besides `localhost` and its own address, such as `audit.example.com`; without port',
  },
  REMEDIATION_AUDIT_API_CODEC_ORIGINS: {
    default: '',
    unit: 'list',
    meaning:
      'Origins of the Temporal UIs that may call /codec from a browser, such as `https://temporal.example.com`',
  },
  REMEDIATION_AUDIT_API_DEFERRED_STATUS_CODE: {
    default: '201',
    unit: '',
    meaning:
      'Status of a record that Temporal keeps while the database is away: `201`, the one success that clients of the sources know, or `202`',
  },
  REMEDIATION_AUDIT_API_POSTED_MONTHS_PER_DAY: {
    default: '12',
    unit: 'months',
    meaning: 'Months that the posts of one caller may make, or make live again, in 24 hours',
  },
  REMEDIATION_AUDIT_API_SIMILAR_PER_MINUTE: {
    default: '60',
    unit: 'questions',
    meaning: 'Questions about similar investigations that one caller may ask in a minute',
  },
  REMEDIATION_AUDIT_API_EMBEDDINGS_PER_MINUTE: {
    default: '600',
    unit: 'texts',
    meaning:
      'Texts of posted analyses that are embedded for one caller in a minute; the others are stored without a vector',
  },
  REMEDIATION_AUDIT_API_RESTORES_PER_HOUR: {
    default: '12',
    unit: 'restores',
    meaning: 'Restores that one caller may request over the API in an hour',
  },
  REMEDIATION_AUDIT_METRICS_HOST: {
    default: '127.0.0.1',
    unit: 'address',
    meaning: 'Address for probes and metrics of `work` and `watch`',
  },
  REMEDIATION_AUDIT_WORKER_METRICS_PORT: {
    default: '9465',
    unit: 'port',
    meaning: 'Probes and metrics of `work`',
  },
  REMEDIATION_AUDIT_WORKER_QUEUES: {
    default: 'all',
    unit: '',
    meaning:
      'What `work` works on: `recording` (reads neither DATABASE_OWNER_URL nor the archive and its key), `maintenance` (months, retention and restores; reads no DATABASE_URL), or `all`',
  },
  // Both of these or neither.
  REMEDIATION_AUDIT_WORKER_DEPLOYMENT: {
    default: '',
    unit: '',
    meaning:
      'Turns worker versioning on: name of the deployment. Nothing runs until Temporal knows its current version',
  },
  REMEDIATION_AUDIT_WORKER_BUILD_ID: {
    default: '',
    unit: '',
    meaning: 'Version of this build within that deployment',
  },
  REMEDIATION_AUDIT_WATCHER_METRICS_PORT: {
    default: '9466',
    unit: 'port',
    meaning: 'Probes and metrics of `watch`',
  },
  // Small on purpose: batching makes more connections slower, not faster.
  REMEDIATION_AUDIT_DATABASE_POOL_SIZE: {
    default: '4',
    unit: 'connections',
    meaning: 'Connections to PostgreSQL per process for questions, and in `work` as many more for records',
  },
  // Refused above 11 s: the next attempt must not begin while the store is still at the one before (ADR 13).
  REMEDIATION_AUDIT_STATEMENT_TIMEOUT_MS: {
    default: '10000',
    unit: 'ms',
    meaning: 'Longest statement of a recording activity; five of them must fit into its 60 s',
  },
  REMEDIATION_AUDIT_MONTHS_AHEAD: {
    default: '3',
    unit: 'months',
    meaning: 'Months created ahead by `migrate`, at start, and daily',
  },
  ...RETENTION_VARIABLES,
  REMEDIATION_AUDIT_SHUTDOWN_GRACE_SECONDS: {
    default: '20',
    unit: 's',
    meaning: 'How long what is in flight may take to end after SIGTERM',
  },
  REMEDIATION_AUDIT_LATE_GRACE_SECONDS: {
    default: '60',
    unit: 's',
    meaning: 'How long a workflow waits for late observations after its remediation ended',
  },
  REMEDIATION_AUDIT_ORPHAN_GRACE_SECONDS: {
    default: '86400',
    unit: 's',
    meaning: 'How long a workflow waits for more of a remediation when its RemediationRequest was never seen',
  },
  REMEDIATION_AUDIT_EMBEDDING_URL: {
    default: '',
    unit: 'URL',
    meaning:
      'Endpoint that speaks the embeddings protocol of OpenAI, up to its version; empty for the offline default',
  },
  // Another model makes other vectors, which are never compared with those of the first.
  REMEDIATION_AUDIT_EMBEDDING_MODEL: {
    default: 'text-embedding-3-small',
    unit: '',
    meaning: 'Model to ask there for, of at most 1,536 dimensions',
  },
  REMEDIATION_AUDIT_EMBEDDING_API_KEY: { default: '', unit: '', meaning: 'Bearer token for that endpoint' },
  REMEDIATION_AUDIT_EMBEDDING_TIMEOUT_MS: {
    default: '30000',
    unit: 'ms',
    meaning: 'Longest request to that endpoint',
  },
  REMEDIATION_AUDIT_LOG_LEVEL: {
    default: 'info',
    unit: '',
    meaning: '`debug`, `info`, `warn`, `error` or `silent`',
  },
  // From here on only `up`, benches and tests read them. Each _PATH comes before what is on PATH, in the
  // cache, or to be fetched or built (CONTRIBUTING.md, "How servers are found").
  REMEDIATION_AUDIT_CACHE_DIR: {
    default: '~/.cache/remediation-audit',
    unit: 'path',
    meaning: 'Where `up` keeps the servers it built or fetched',
  },
  REMEDIATION_AUDIT_UNPINNED_DOWNLOADS: {
    default: 'false',
    unit: '',
    meaning:
      "Whether servers without a SHA-256 in the repository are downloaded, checked by their publisher's checksum only",
  },
  REMEDIATION_AUDIT_SIMULATOR_SEED: {
    default: '',
    unit: 'integer',
    meaning: 'Seed of the simulator of `up`; empty for a new one each time',
  },
  REMEDIATION_AUDIT_SIMULATOR_SPEED: {
    default: '30',
    unit: 'factor',
    meaning: 'How many times faster than life the simulator of `up` plays',
  },
  REMEDIATION_AUDIT_TEMPORAL_PATH: {
    default: '',
    unit: 'path',
    meaning: 'Temporal development server to use instead of finding one',
  },
  REMEDIATION_AUDIT_TEMPORAL_CLI_PATH: {
    default: '',
    unit: 'path',
    meaning: 'Temporal command line to use instead of finding one (tests)',
  },
  REMEDIATION_AUDIT_KUBE_APISERVER_PATH: {
    default: '',
    unit: 'path',
    meaning: 'kube-apiserver to use instead of finding one',
  },
  REMEDIATION_AUDIT_ETCD_PATH: { default: '', unit: 'path', meaning: 'etcd to use instead of finding one' },
  REMEDIATION_AUDIT_KUBECTL_PATH: {
    default: '',
    unit: 'path',
    meaning: 'kubectl to use instead of finding one (tests)',
  },
  REMEDIATION_AUDIT_VERSITYGW_PATH: {
    default: '',
    unit: 'path',
    meaning: 'versitygw to use instead of finding one (tests)',
  },
  REMEDIATION_AUDIT_HELM_PATH: {
    default: '',
    unit: 'path',
    meaning: 'helm to use instead of finding one (tests)',
  },
  REMEDIATION_AUDIT_PROMTOOL_PATH: {
    default: '',
    unit: 'path',
    meaning: 'promtool to use instead of finding one (tests)',
  },
  REMEDIATION_AUDIT_PGVECTOR_PATH: {
    default: '',
    unit: 'path',
    meaning: 'Folder of a PostgreSQL with pgvector to use instead of fetching one (tests)',
  },
  REMEDIATION_AUDIT_DUCKDB_PATH: {
    default: '',
    unit: 'path',
    meaning: 'The command line of DuckDB to use instead of finding one (tests)',
  },
  REMEDIATION_AUDIT_TEMPORAL_SERVER_PATH: {
    default: '',
    unit: 'path',
    meaning: 'temporal-server to use instead of building one (`--temporal server`)',
  },
  REMEDIATION_AUDIT_TEMPORAL_SQL_TOOL_PATH: {
    default: '',
    unit: 'path',
    meaning: 'temporal-sql-tool to use instead of building one (`--temporal server`)',
  },
  REMEDIATION_AUDIT_OAPI_CODEGEN_PATH: {
    default: '',
    unit: 'path',
    meaning: 'oapi-codegen to use instead of finding one (tests)',
  },
  REMEDIATION_AUDIT_OGEN_PATH: {
    default: '',
    unit: 'path',
    meaning: 'ogen to use instead of finding one (tests)',
  },
  REMEDIATION_AUDIT_KREW_PATH: {
    default: '',
    unit: 'path',
    meaning: 'krew to use instead of building one (tests)',
  },
  ...USER_VARIABLES,
} as const satisfies Readonly<Record<string, Setting>>;
