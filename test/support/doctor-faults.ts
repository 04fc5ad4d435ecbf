import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

import { expect, vi } from 'vitest';

import { findFreePort } from '../../dev/servers/process/ports.ts';
import type { DoctorWorld, Environment } from './doctor-world.ts';

const DEFINITION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/remediationrequests.kubernaut.ai';

/** One thing that is wrong in a deployment, and what is to be said of it. */
export interface Fault {
  readonly fault: string;
  /** Variables of the environment that make it. */
  readonly env?: () => Environment | Promise<Environment>;
  /** Makes it, and gives what takes it back. */
  readonly prepare?: () => Promise<() => Promise<unknown>>;
  readonly clockAheadMs?: number;
  /** The one check that is wrong. */
  readonly check: RegExp;
  /** Fault and remedy. */
  readonly says: RegExp;
}

/** The URL of a role with something else in it. */
function changed(url: string, change: (url: URL) => void): string {
  const parsed = new URL(url);
  change(parsed);
  return parsed.href;
}

/** The same change in all that name the database. */
export function everyUrl(world: DoctorWorld, change: (url: URL) => void): Environment {
  const { writerUrl, readerUrl, ownerUrl } = world.database;
  return {
    DATABASE_URL: changed(writerUrl, change),
    DATABASE_READER_URL: changed(readerUrl, change),
    DATABASE_OWNER_URL: changed(ownerUrl, change),
  };
}

/** Every fault that is prepared in a deployment in which nothing else is wrong. */
export function faultsOf(worldOf: () => DoctorWorld): readonly Fault[] {
  /** A statement that makes the fault, and one that takes it back. */
  const bySql = (statement: string, back: string) => async () => {
    await worldOf().sql(statement);
    return () => worldOf().sql(back);
  };

  async function tokenOf(account: string): Promise<Environment> {
    return {
      KUBECONFIG: await worldOf().writeKubeconfig(account, { token: await worldOf().tokenOf(account) }),
    };
  }

  async function atFreePort(variable: string, urlOf: (port: number) => string): Promise<Environment> {
    return { [variable]: urlOf(await findFreePort()) };
  }

  const database: readonly Fault[] = [
    {
      fault: 'PostgreSQL is away',
      env: async () => {
        const port = String(await findFreePort());
        return everyUrl(worldOf(), (url) => (url.port = port));
      },
      check: /^database 127\.0\.0\.1:/,
      says: /ECONNREFUSED.*; start PostgreSQL, or check DATABASE_URL/,
    },
    {
      fault: 'no such database',
      env: () => everyUrl(worldOf(), (url) => (url.pathname = '/nowhere')),
      check: /^database /,
      says: /database "nowhere" does not exist; .*check DATABASE_URL/,
    },
    {
      fault: 'the password of the writer is wrong',
      env: () => ({ DATABASE_URL: changed(worldOf().database.writerUrl, (url) => (url.password = 'x')) }),
      check: /^role of DATABASE_URL$/,
      says: /password authentication failed.*; set the password/,
    },
    {
      fault: 'reading as the writer',
      env: () => ({ DATABASE_READER_URL: worldOf().database.writerUrl }),
      check: /^role of DATABASE_READER_URL$/,
      says: /connects as audit_writer, which is not audit_reader; connect as audit_reader/,
    },
    {
      fault: 'the owner is a superuser',
      env: () => ({ DATABASE_OWNER_URL: worldOf().superuserUrl }),
      check: /^role of DATABASE_OWNER_URL$/,
      says: /a superuser; connect as audit_owner/,
    },
    {
      fault: 'a role is missing',
      prepare: () =>
        bySql('alter role audit_watcher rename to gone', 'alter role gone rename to audit_watcher')(),
      check: /^roles$/,
      says: /no role audit_watcher; run migrations\/bootstrap\/roles\.sql/,
    },
    {
      fault: 'the schema is older than the program',
      prepare: () =>
        bySql(
          'update schema_migration set version = -version - 100 where version > 0',
          'update schema_migration set version = -version - 100 where version < -100',
        )(),
      check: /^schema$/,
      says: /schema version 0, this program needs \d+: run `remediation-audit migrate`/,
    },
    {
      fault: 'the schema is newer than the program',
      prepare: () =>
        bySql(
          "insert into schema_migration (version, name, sha256) values (9999, 'later', '')",
          'delete from schema_migration where version = 9999',
        )(),
      check: /^schema$/,
      says: /schema version 9999, .*start the newer program/,
    },
    {
      fault: 'months are not made ahead',
      env: () => ({ REMEDIATION_AUDIT_MONTHS_AHEAD: '6' }),
      check: /^months ahead$/,
      says: /^\d instead of 6; run `remediation-audit migrate`/,
    },
    {
      fault: 'the clock is wrong',
      clockAheadMs: 30_000,
      check: /^clock$/,
      says: /this machine is (?:29|30) s ahead of PostgreSQL; synchronise both/,
    },
  ];

  const temporal: readonly Fault[] = [
    {
      fault: 'Temporal is away',
      env: () => atFreePort('TEMPORAL_ADDRESS', (port) => `127.0.0.1:${port}`),
      check: /^temporal 127/,
      says: /; check TEMPORAL_ADDRESS and that the server is up/,
    },
    {
      fault: 'Temporal speaks no TLS',
      env: () => ({ TEMPORAL_TLS: 'true' }),
      check: /^temporal 127/,
      says: /it speaks no TLS: unset TEMPORAL_TLS/,
    },
    {
      fault: 'the namespace is not there',
      env: () => ({ TEMPORAL_NAMESPACE: 'nowhere' }),
      check: /^temporal namespace$/,
      says: /nowhere.*; make the namespace with `temporal operator namespace create`/,
    },
    {
      fault: 'search attributes are missing',
      env: () => ({ TEMPORAL_NAMESPACE: 'without-attributes' }),
      check: /^search attributes$/,
      says: /has no AuditCluster, .*; restart `watch`/,
    },
    {
      fault: 'a schedule is not there',
      prepare: async () => {
        await worldOf().client.schedule.getHandle('audit-comparison').delete();
        return () => worldOf().addNamespace('default', {});
      },
      check: /^schedule audit-comparison$/,
      says: /it is not there; start `work`/,
    },
    {
      fault: 'a schedule is paused',
      prepare: async () => {
        const schedule = worldOf().client.schedule.getHandle('audit-retention');
        await schedule.pause('wait for the auditors');
        return () => schedule.unpause();
      },
      check: /^schedule audit-retention$/,
      says: /paused: wait for the auditors; `temporal schedule toggle --unpause/,
    },
    {
      fault: 'no worker records',
      env: () => ({ TEMPORAL_NAMESPACE: 'without-recorder' }),
      check: /^workers of audit-recording$/,
      says: /no worker polls it.*; start `work`/,
    },
    {
      fault: 'no worker serves maintenance',
      env: () => ({ TEMPORAL_NAMESPACE: 'without-maintainer' }),
      check: /^workers of audit-maintenance$/,
      says: /no worker polls it.*REMEDIATION_AUDIT_WORKER_QUEUES/,
    },
  ];

  const cluster: readonly Fault[] = [
    {
      fault: 'the API server is away',
      env: async () => {
        const server = `https://127.0.0.1:${await findFreePort()}`;
        return { KUBECONFIG: await worldOf().writeKubeconfig('away', { server }) };
      },
      check: /^cluster test$/,
      says: /ECONNREFUSED.*; check KUBECONFIG/,
    },
    {
      fault: 'the API server does not know the token',
      env: async () => ({ KUBECONFIG: await worldOf().writeKubeconfig('stranger', { token: 'x' }) }),
      check: /^cluster test$/,
      says: /does not take the credentials.*; renew the token/,
    },
    {
      fault: 'no such context',
      env: () => ({ REMEDIATION_AUDIT_KUBE_CONTEXT: 'nowhere' }),
      check: /^cluster test$/,
      says: /has no context nowhere; .*; check KUBECONFIG, its context/,
    },
    {
      fault: 'remediations may not be watched',
      env: () => tokenOf('listing'),
      check: /^kind RemediationRequest in cluster test$/,
      says: /no right to watch remediationrequests\.kubernaut\.ai in all namespaces; apply deploy\/rbac\.yaml/,
    },
    {
      fault: 'the cluster cannot be identified',
      env: () => tokenOf('nameless'),
      check: /^identity of cluster test$/,
      says: /kube-system cannot be read \(403\).*; apply deploy\/rbac\.yaml/,
    },
    {
      fault: 'strict mode may not write',
      env: () => ({ REMEDIATION_AUDIT_STRICT_KINDS: 'RemediationRequest' }),
      check: /^kind RemediationRequest in cluster test$/,
      says: /no right to patch .*; apply deploy\/rbac-strict\.yaml/,
    },
    {
      fault: 'nobody may ask for token reviews',
      env: () => ({ REMEDIATION_AUDIT_API_AUTH_MODE: 'kubernetes' }),
      check: /^token reviews$/,
      says: /create tokenreviews, subjectaccessreviews; .*system:auth-delegator/,
    },
    {
      fault: 'the cluster has no remediations',
      prepare: async () => {
        await worldOf().cluster.send('DELETE', DEFINITION);
        await vi.waitFor(
          async () => {
            await expect(worldOf().cluster.send('GET', DEFINITION)).rejects.toThrow('404');
            await expect(worldOf().cluster.send('GET', '/apis/kubernaut.ai/v1alpha1')).rejects.toThrow('404');
          },
          { timeout: 60_000 },
        );
        return () => worldOf().cluster.reinstallKind();
      },
      check: /^kind RemediationRequest in cluster test$/,
      says: /serves no remediationrequests; install the custom resource definitions/,
    },
  ];

  const files: readonly Fault[] = [
    {
      fault: 'the folder of the archive is a file',
      env: () => ({ REMEDIATION_AUDIT_ARCHIVE_URL: `file://${worldOf().folder.file('tokens.json')}` }),
      check: /^archive read$/,
      says: /cannot list .*ENOTDIR.*; check REMEDIATION_AUDIT_ARCHIVE_URL/,
    },
    {
      fault: 'the archive cannot be written',
      env: () => ({ REMEDIATION_AUDIT_ARCHIVE_URL: 'file:///sys/remediation-audit' }),
      check: /^archive write$/,
      says: /cannot write .*; let the credentials of `work` write/,
    },
    {
      fault: 'the object store is away',
      env: async () => ({
        ...(await atFreePort('REMEDIATION_AUDIT_S3_ENDPOINT', (port) => `http://127.0.0.1:${port}`)),
        REMEDIATION_AUDIT_ARCHIVE_URL: 's3://archive/audit',
        REMEDIATION_AUDIT_S3_PATH_STYLE: 'true',
      }),
      prepare: () => {
        vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
        vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
        return Promise.resolve(() => Promise.resolve(vi.unstubAllEnvs()));
      },
      check: /^archive read$/,
      says: /cannot list .*s3:\/\/archive\/audit.*; check REMEDIATION_AUDIT_ARCHIVE_URL/,
    },
    {
      fault: 'the key signs nothing',
      env: async () => {
        const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const path = worldOf().folder.file('other.pem');
        await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }));
        return { REMEDIATION_AUDIT_ARCHIVE_KEY_FILE: path };
      },
      check: /^archive keys$/,
      says: /REMEDIATION_AUDIT_ARCHIVE_KEY_FILE cannot be used: a key of type ec cannot sign/,
    },
    {
      fault: 'the tokens file is no JSON',
      env: () => ({ REMEDIATION_AUDIT_API_TOKENS_FILE: worldOf().folder.file('broken') }),
      check: /^tokens file$/,
      says: /REMEDIATION_AUDIT_API_TOKENS_FILE cannot be used: .*is not valid JSON/,
    },
    {
      fault: 'every token has expired',
      env: () => ({ REMEDIATION_AUDIT_API_TOKENS_FILE: worldOf().folder.file('expired.json') }),
      check: /^tokens file$/,
      says: /no token that is valid now; make one with `remediation-audit token`/,
    },
    {
      fault: 'the certificate has another key',
      env: () => ({ REMEDIATION_AUDIT_API_TLS_KEY_PATH: worldOf().folder.file('broken') }),
      check: /^TLS certificate$/,
      says: /REMEDIATION_AUDIT_API_TLS_CERT_PATH and REMEDIATION_AUDIT_API_TLS_KEY_PATH cannot be used/,
    },
  ];

  return [...database, ...temporal, ...cluster, ...files];
}
