import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { TLSConfig } from '@temporalio/client';
import { afterAll, describe, expect, test } from 'vitest';

import { CATALOGUE } from '../../dev/servers/find/catalogue.ts';
import { SERVER_NAMES } from '../../dev/servers/find/resolver.ts';
import { updatePage } from '../../scripts/configuration-table.ts';
import { type ConfigCheck, readConfig } from '../../src/config/config.ts';
import type { SettingsError } from '../../src/config/settings.ts';
import { VARIABLES } from '../../src/config/variables.ts';

test('docs/configuration.md shows every variable that config.ts reads, with its default and who reads it, and what each process needs; `npm run docs:configuration` writes it', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  expect(page).toBe(updatePage(page));
});

test('a cache folder that is set and empty is the usual one', () => {
  const usual = readConfig({}).embedded.cacheDir;
  expect(usual).toContain('remediation-audit');
  expect(readConfig({ REMEDIATION_AUDIT_CACHE_DIR: '' }).embedded.cacheDir).toBe(usual);
});

test('config.ts reads no variable that its table does not show', () => {
  const source = readFileSync(new URL('../../src/config/config.ts', import.meta.url), 'utf8');
  const read = [...source.matchAll(/'((?:REMEDIATION_AUDIT|DATABASE|TEMPORAL)_[A-Z_]+|KUBECONFIG)'/g)].map(
    ([, name]) => name,
  );
  expect(read.length).toBeGreaterThan(20);
  expect(read.filter((name) => !(String(name) in VARIABLES))).toEqual([]);
});

test('every server that can be brought along has its variable in the table', () => {
  for (const server of SERVER_NAMES) expect(VARIABLES).toHaveProperty(CATALOGUE[server].pathVariable);
});

test('with an empty environment the defaults hold, and the result cannot be changed', () => {
  const config = readConfig({});
  expect(config).toMatchObject({
    api: {
      ...{ host: '127.0.0.1', port: 8085, authMode: 'none', allowInsecureBind: false },
      // The only success that the sources' clients know.
      deferredStatusCode: 201,
    },
    worker: { metricsPort: 9465 },
    watcher: { cluster: 'default', namespaces: [], metricsPort: 9466 },
    temporal: { namespace: 'default' },
  });
  expect(() => {
    (config.api as { port: number }).port = 1;
  }).toThrow(TypeError);
});

test('Temporal is configured by its own variables, and by a file only when one is named', () => {
  const config = readConfig({ TEMPORAL_ADDRESS: 'temporal.example:7233', TEMPORAL_NAMESPACE: 'audit' });
  expect(config.temporal).toMatchObject({
    connectionOptions: { address: 'temporal.example:7233' },
    namespace: 'audit',
  });
  expect(() => readConfig({ TEMPORAL_CONFIG_FILE: '/does/not/exist.toml' })).toThrow('TEMPORAL_CONFIG_FILE');
});

describe('the connection to Temporal', () => {
  const folder = mkdtempSync(join(tmpdir(), 'remediation-audit-config-'));
  const fileOf = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test('is encrypted as soon as there is an API key', () => {
    const { temporal } = readConfig({ TEMPORAL_ADDRESS: 'cloud.example:7233', TEMPORAL_API_KEY: 'k' });
    expect(temporal.connectionOptions).toMatchObject({ apiKey: 'k', tls: true });
  });

  test('takes a client certificate, the authority and the name of the server', () => {
    const { temporal } = readConfig({
      TEMPORAL_TLS_CLIENT_CERT_PATH: fileOf('client.crt', 'certificate'),
      TEMPORAL_TLS_CLIENT_KEY_PATH: fileOf('client.key', 'key'),
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: fileOf('ca.crt', 'authority'),
      TEMPORAL_TLS_SERVER_NAME: 'temporal.example',
    });
    const { tls } = temporal.connectionOptions as { tls: TLSConfig };
    expect(tls.serverNameOverride).toBe('temporal.example');
    expect(Buffer.from(tls.serverRootCACertificate ?? []).toString()).toBe('authority');
    expect(Buffer.from(tls.clientCertPair?.crt ?? []).toString()).toBe('certificate');
    expect(Buffer.from(tls.clientCertPair?.key ?? []).toString()).toBe('key');
  });

  test('comes from a profile of the file that is named', () => {
    const TEMPORAL_CONFIG_FILE = fileOf(
      'temporal.toml',
      '[profile.audit]\naddress = "cloud.example:7233"\nnamespace = "audit.prod"\n',
    );
    const { temporal } = readConfig({ TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE: 'audit' });
    expect(temporal).toMatchObject({
      connectionOptions: { address: 'cloud.example:7233' },
      namespace: 'audit.prod',
    });
  });
});

describe('a wrong variable is named with what is allowed:', () => {
  const wrong: [Record<string, string>, string][] = [
    [
      // Five of them and a connection must fit into the 60 s of an attempt.
      { REMEDIATION_AUDIT_STATEMENT_TIMEOUT_MS: '11001' },
      'REMEDIATION_AUDIT_STATEMENT_TIMEOUT_MS must be a whole number from 100 to 11000, not "11001"',
    ],
    [
      { REMEDIATION_AUDIT_WORKER_DEPLOYMENT: 'audit' },
      'REMEDIATION_AUDIT_WORKER_BUILD_ID must be set too where REMEDIATION_AUDIT_WORKER_DEPLOYMENT is',
    ],
    [
      { REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE: '/does/not/exist' },
      'REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE names /does/not/exist, which cannot be used',
    ],
    [
      { REMEDIATION_AUDIT_API_PORT: '99999' },
      'REMEDIATION_AUDIT_API_PORT must be a whole number from 0 to 65535, not "99999"',
    ],
    [
      { REMEDIATION_AUDIT_LOG_LEVEL: 'loud' },
      'REMEDIATION_AUDIT_LOG_LEVEL must be debug or info or warn or error or silent, not "loud"',
    ],
    [
      { REMEDIATION_AUDIT_API_ALLOW_INSECURE_BIND: 'yes' },
      'REMEDIATION_AUDIT_API_ALLOW_INSECURE_BIND must be true or false, not "yes"',
    ],
    [{ REMEDIATION_AUDIT_MONTHS_AHEAD: '' }, ''],
  ];
  test.each(wrong)('%o', (environment, message) => {
    if (message === '') expect(() => readConfig(environment)).not.toThrow();
    else expect(() => readConfig(environment)).toThrow(message);
  });

  const oneOfEachKind: Readonly<Record<string, string>> = {
    DATABASE_URL: 'notaurl',
    DATABASE_OWNER_URL: 'http://host/database',
    TEMPORAL_ADDRESS: 'http://temporal:7233',
    TEMPORAL_TLS: 'perhaps',
    REMEDIATION_AUDIT_API_PORT: 'x',
    REMEDIATION_AUDIT_LOG_LEVEL: 'y',
    REMEDIATION_AUDIT_WORKER_BUILD_ID: 'b1',
    REMEDIATION_AUDIT_ARCHIVE_URL: 'gs://bucket',
    REMEDIATION_AUDIT_ROLLOVER_CRON: 'daily',
    REMEDIATION_AUDIT_S3_ENDPOINT: 'minio:9000',
    REMEDIATION_AUDIT_EMBEDDING_URL: 'models.example.com/v1',
    REMEDIATION_AUDIT_API_AUTH_MODE: 'token',
    REMEDIATION_AUDIT_API_TLS_KEY_PATH: '/tls/key',
    REMEDIATION_AUDIT_API_ALLOWED_HOSTS: 'serve,audit.example.com:8085',
    REMEDIATION_AUDIT_API_CODEC_ORIGINS: 'https://temporal.example.com/',
    REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE: '/does/not/exist',
    REMEDIATION_AUDIT_REDACTION_FILE: '/does/not/exist',
    REMEDIATION_AUDIT_CLUSTERS: 'prod',
    REMEDIATION_AUDIT_HOTDAYS: '3',
  };

  test('all of them at once, each in one sentence', () => {
    const sentences = problemsOf(oneOfEachKind);
    const named: Readonly<Record<string, string>> = {
      REMEDIATION_AUDIT_WORKER_BUILD_ID: 'REMEDIATION_AUDIT_WORKER_DEPLOYMENT must be set too',
      REMEDIATION_AUDIT_API_AUTH_MODE: 'REMEDIATION_AUDIT_API_TOKENS_FILE must be set in auth mode token',
      REMEDIATION_AUDIT_API_TLS_KEY_PATH: 'REMEDIATION_AUDIT_API_TLS_CERT_PATH and',
      REMEDIATION_AUDIT_HOTDAYS:
        'REMEDIATION_AUDIT_HOTDAYS is not a variable of this program; did you mean REMEDIATION_AUDIT_HOT_DAYS?',
    };
    for (const name of Object.keys(oneOfEachKind)) {
      const found = sentences.filter((sentence) => sentence.startsWith(named[name] ?? `${name} `));
      expect(found, name).toHaveLength(1);
    }
    expect(sentences).toHaveLength(Object.keys(oneOfEachKind).length);
  });

  test('and what a process needs beyond them', () => {
    const check = (): readonly string[] => ['KUBECONFIG is not set', 'DATABASE_URL is not set'];
    expect(problemsOf({ DATABASE_URL: 'notaurl' }, check)).toEqual([
      // Once: what is wrong is not also missing.
      expect.stringMatching(/^DATABASE_URL must be a URL/) as string,
      'KUBECONFIG is not set',
    ]);
  });

  test('a password in a wrong URL is not repeated', () => {
    const [problem] = problemsOf({ DATABASE_URL: 'postgres://audit:s3cret#@host:5432/audit' });
    expect(problem).toMatch(/^DATABASE_URL must be a URL such as postgres:/);
    expect(problem).not.toContain('s3cret');
  });
});

function problemsOf(environment: Readonly<Record<string, string>>, check?: ConfigCheck): readonly string[] {
  try {
    readConfig(environment, check);
    return [];
  } catch (error: unknown) {
    return (error as SettingsError).problems;
  }
}

describe('a URL that is right is taken:', () => {
  const right: Readonly<Record<string, readonly string[]>> = {
    DATABASE_URL: [
      'postgres://audit:secret@[::1]:5432/audit?sslmode=verify-full',
      'postgresql:///audit?host=/run/postgresql',
      'postgres://audit:50%25@host/audit',
    ],
    TEMPORAL_ADDRESS: ['temporal:7233', 'temporal.example.com', '127.0.0.1:7233', '[::1]:7233'],
    REMEDIATION_AUDIT_S3_ENDPOINT: ['http://minio:9000', 'https://s3.example.com/'],
    REMEDIATION_AUDIT_ROLLOVER_CRON: ['10 0 * * *', '@daily', 'CRON_TZ=UTC 0 10 0 * * *'],
  };
  test.each(Object.entries(right).flatMap(([name, values]) => values.map((value) => [name, value] as const)))(
    '%s=%s',
    (name, value) => {
      expect(problemsOf({ [name]: value })).toEqual([]);
    },
  );
});

describe('an unknown variable of ours', () => {
  test('that resembles none is answered with where all are listed', () => {
    expect(problemsOf({ REMEDIATION_AUDIT_ZEBRA_STRIPES_IN_TOTAL: '1' })).toEqual([
      'REMEDIATION_AUDIT_ZEBRA_STRIPES_IN_TOTAL is not a variable of this program; docs/configuration.md lists all',
    ]);
  });

  test('that Kubernetes made for a Service of that name is left alone', () => {
    const links = {
      REMEDIATION_AUDIT_SERVICE_HOST: '10.0.0.7',
      REMEDIATION_AUDIT_SERVE_SERVICE_PORT_HTTP: '8085',
      REMEDIATION_AUDIT_SERVE_PORT: 'tcp://10.0.0.7:8085',
      REMEDIATION_AUDIT_SERVE_PORT_8085_TCP_ADDR: '10.0.0.7',
    };
    expect(problemsOf(links)).toEqual([]);
  });

  test('that Kubernetes made for a Service is left alone also where a variable of ours is called so', () => {
    const links = {
      REMEDIATION_AUDIT_API_PORT: 'tcp://10.0.0.7:9999',
      REMEDIATION_AUDIT_API_SERVICE_HOST: '10.0.0.7',
    };
    expect(problemsOf(links)).toEqual([]);
    expect(readConfig(links).api.port).toBe(8_085);
  });
});
