import { existsSync, readFileSync } from 'node:fs';

import { readTokens } from '../api/auth/token-gate.ts';
import { InsecureBindError, isInsecureBind } from '../api/http/server.ts';
import { readCertificate } from '../api/http/tls.ts';
import { signingKeyFrom, trustedKeysFrom } from '../archive/manifest/signing-key.ts';
import type { Config, ConfigCheck } from '../config/config.ts';
import { reasonOf } from '../domain/errors.ts';
import { connectCluster } from '../kubernetes/cluster-connection.ts';
import { strictKindProblems, watchedClusters } from './watcher-settings.ts';

/**
 * What each of the three processes needs, judged from the environment and its files alone and before anything is
 * started: whoever installs it learns of all mistakes at the first start. Each sentence begins with the variable.
 */
export const SERVICE_CHECKS: Readonly<Record<'serve' | 'work' | 'watch', ConfigCheck>> = {
  serve: (config) => [
    ...databaseProblems('serve', config),
    ...readerProblems(config),
    ...callerProblems(config),
    ...tlsProblems(config),
    ...(config.retention.archive.url === '' ? [] : readerKeyProblems(config)),
  ],
  work: (config) => [
    ...workerDatabaseProblems(config),
    // Without either of them retention is off; a worker that only records signs nothing.
    ...(config.worker.queues === 'recording' ||
    config.retention.archive.url === '' ||
    config.database.ownerUrl === ''
      ? []
      : signerKeyProblems(config)),
  ],
  watch: (config) => [
    ...new Set(watchedClusters(config).flatMap(({ context }) => clusterProblems(config, context, 'watch'))),
    ...strictKindProblems(config),
  ],
};

/** `watch` is not among those that need it: without a database it does less. */
function databaseProblems(process: string, { database }: Config): readonly string[] {
  return database.url === ''
    ? [`DATABASE_URL is not set; \`${process}\` needs PostgreSQL as role audit_writer`]
    : [];
}

/** No reading as the writer instead: what a read may do would then depend on what was forgotten. */
function readerProblems({ database }: Config): readonly string[] {
  return database.readerUrl === ''
    ? ['DATABASE_READER_URL is not set; `serve` answers questions from PostgreSQL as role audit_reader']
    : [];
}

/** Recording needs the writer, maintenance alone the owner; a worker that does both makes do without an owner. */
function workerDatabaseProblems(config: Config): readonly string[] {
  const { database, worker } = config;
  if (worker.queues !== 'maintenance') return databaseProblems('work', config);
  return database.ownerUrl === ''
    ? [
        'DATABASE_OWNER_URL is not set; `work` with REMEDIATION_AUDIT_WORKER_QUEUES=maintenance needs PostgreSQL as role audit_owner',
      ]
    : [];
}

/**
 * Only what the chosen auth mode needs. A mode that needs a file without naming one is a problem of config.ts
 * already.
 */
export function callerProblems(config: Config): readonly string[] {
  const { api, kubernetes } = config;
  switch (api.authMode) {
    case 'none':
      return isInsecureBind(api) ? [new InsecureBindError(api.host).message] : [];
    case 'token':
      return api.tokensFile === ''
        ? []
        : tried('REMEDIATION_AUDIT_API_TOKENS_FILE', () => {
            readTokens(api.tokensFile, readFileSync(api.tokensFile, 'utf8'));
          });
    case 'kubernetes':
      return clusterProblems(config, kubernetes.context, 'serve');
  }
}

export function tlsProblems({ api: { tls } }: Config): readonly string[] {
  if (tls === undefined) return [];
  return tried('REMEDIATION_AUDIT_API_TLS_CERT_PATH and REMEDIATION_AUDIT_API_TLS_KEY_PATH', () => {
    readCertificate([tls.certificatePath, tls.keyPath].map((path) => readFileSync(path, 'utf8')));
  });
}

/** To verify takes a key, private or public; to sign takes the private one, as below. */
export function readerKeyProblems({ retention: { archive } }: Config): readonly string[] {
  if (archive.keyFile === '' && archive.trustedKeysFile === '')
    return [
      'REMEDIATION_AUDIT_ARCHIVE_TRUSTED_KEYS_FILE is not set although REMEDIATION_AUDIT_ARCHIVE_URL is: without keys no manifest can be believed',
    ];
  return [...keyFileProblems(archive, trustedKeysFrom), ...trustedKeyProblems(archive)];
}

export function signerKeyProblems({ retention: { archive } }: Config): readonly string[] {
  if (archive.keyFile === '')
    return [
      'REMEDIATION_AUDIT_ARCHIVE_KEY_FILE is not set: retention signs what it archives; name a file, the key is made there',
    ];
  return [...keyFileProblems(archive, signingKeyFrom), ...trustedKeyProblems(archive)];
}

type ArchiveSettings = Config['retention']['archive'];

/** One that is missing is made by `work`, perhaps a moment after `serve` started. */
function keyFileProblems({ keyFile }: ArchiveSettings, parse: (pem: string) => unknown): readonly string[] {
  if (keyFile === '' || !existsSync(keyFile)) return [];
  return tried('REMEDIATION_AUDIT_ARCHIVE_KEY_FILE', () => parse(readFileSync(keyFile, 'utf8')));
}

/** A file that holds no key is a mistake, even where the private key alone would do. */
function trustedKeyProblems({ trustedKeysFile }: ArchiveSettings): readonly string[] {
  if (trustedKeysFile === '') return [];
  return tried('REMEDIATION_AUDIT_ARCHIVE_TRUSTED_KEYS_FILE', () => {
    if (trustedKeysFrom(readFileSync(trustedKeysFile, 'utf8')).size === 0)
      throw new Error(`${trustedKeysFile} holds no key in PEM`);
  });
}

function clusterProblems({ kubernetes }: Config, context: string, process: string): readonly string[] {
  if (kubernetes.kubeconfig === '' && !kubernetes.inCluster)
    return [
      `KUBECONFIG is not set, and this process does not run in a pod with a service account; \`${process}\` needs a cluster`,
    ];
  // Reads the file and finds the context; connections are made when they are needed.
  return tried('KUBECONFIG', () => void connectCluster({ ...kubernetes, context }).close());
}

/** The sentence of what fails, behind the variable that led there. */
function tried(variable: string, attempt: () => unknown): readonly string[] {
  try {
    attempt();
    return [];
  } catch (error: unknown) {
    return [`${variable} cannot be used: ${reasonOf(error)}`];
  }
}
