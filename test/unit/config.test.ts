import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { TLSConfig } from '@temporalio/client';
import { afterAll, describe, expect, test } from 'vitest';

import { configurationTable } from '../../scripts/configuration-table.ts';
import { readConfig } from '../../src/config.ts';
import { SERVER_NAMES } from '../../src/embedded/binaries.ts';
import { CATALOGUE } from '../../src/embedded/binaries/catalogue.ts';
import { VARIABLES } from '../../src/variables.ts';

test('docs/configuration.md shows every variable that config.ts reads, with its default; `npm run docs:configuration` writes it', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  expect(page.endsWith(configurationTable())).toBe(true);
});

test('config.ts reads no variable that its table does not show', () => {
  const source = readFileSync(new URL('../../src/config.ts', import.meta.url), 'utf8');
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
    api: { host: '127.0.0.1', port: 8085, authMode: 'none', allowInsecureBind: false },
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

  test('all of them at once', () => {
    const read = (): unknown =>
      readConfig({ REMEDIATION_AUDIT_API_PORT: 'x', REMEDIATION_AUDIT_LOG_LEVEL: 'y' });
    expect(read).toThrow(/REMEDIATION_AUDIT_LOG_LEVEL.*REMEDIATION_AUDIT_API_PORT/);
  });
});
