import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { startKubeApiserver } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';
import { readConfig } from '../../src/config/config.ts';
import { VARIABLES } from '../../src/config/variables.ts';
import { connectForWriting } from '../../src/kubernetes/cluster-writer.ts';
import {
  CHART,
  documentsOf,
  environmentOf,
  EVERYTHING,
  helm,
  type Manifest,
  podsOf,
  type PodSpec,
  renderChart as render,
  REQUIRED_VALUES,
} from '../support/chart.ts';
import { repositoryPath } from '../support/repository.ts';
import { resolveServer } from '../support/servers.ts';

test('helm finds nothing to complain about', async () => {
  const values = REQUIRED_VALUES.flatMap((value) => ['--set', value]);
  const { stdout } = await helm('lint', '--strict', CHART, ...values);
  expect(stdout).toContain('0 chart(s) failed');
});

describe.each([
  ['by default', []],
  ['with everything', EVERYTHING],
])('%s', (_case, values) => {
  test('a real API server takes every object, with no field it does not know', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chart-test-'));
    const [apiserver, etcd] = [await resolveServer('kube-apiserver'), await resolveServer('etcd')];
    await using server = await startKubeApiserver({ dataDir: folder, binaries: { apiserver, etcd } });
    await using writer = await connectForWriting({ kubeconfig: server.kubeconfigPath, context: '' });
    const send = async (path: string, body: object): Promise<string> => {
      const { statusCode, body: answer } = await writer.send(
        {
          method: 'POST',
          path,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        },
        AbortSignal.timeout(10_000),
      );
      const text = await answer.text();
      return statusCode < 300 ? 'taken' : text;
    };
    await send('/api/v1/namespaces', { metadata: { name: 'audit' } });
    const ours = (await render(...values)).filter(
      ({ apiVersion }) => !apiVersion.startsWith('monitoring.coreos.com/'),
    );
    for (const manifest of ours) expect(await send(pathOf(manifest), manifest), manifest.kind).toBe('taken');
    await rm(folder, { recursive: true, force: true });
  });

  test('the processes get variables that the configuration reads, with values it accepts', async () => {
    for (const { containers } of podsOf(await render(...values))) {
      const environment = environmentOf(containers[0]);
      expect(Object.keys(environment).filter((name) => !Object.hasOwn(VARIABLES, name))).toEqual([]);
      expect(() => readConfig(environment), containers[0].args[0]).not.toThrow();
    }
  });

  test('the processes run without root, capabilities, or a file system they could change', async () => {
    for (const { containers, securityContext } of podsOf(await render(...values))) {
      expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1_000 });
      expect(containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  test('no process can fill the disk of its node', async () => {
    for (const { volumes = [] } of podsOf(await render(...values)))
      for (const volume of volumes)
        if ('emptyDir' in volume) expect(volume.emptyDir, volume.name).toHaveProperty('sizeLimit');
  });

  test('no Service of the namespace, whatever it is called, sets a variable of the processes', async () => {
    for (const { containers, enableServiceLinks } of podsOf(await render(...values)))
      expect(enableServiceLinks, containers[0].args.join(' ')).toBe(false);
  });
});

function pathOf({ apiVersion, kind, metadata: { namespace } }: Manifest): string {
  const plural = kind.endsWith('y') ? `${kind.slice(0, -1)}ies` : `${kind}s`;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${root}${scope}/${plural.toLowerCase()}?dryRun=All&fieldValidation=Strict`;
}

test('the processes are those of the program, at the ports where they answer, with time to end', async () => {
  const { api, worker, watcher, shutdownGraceSeconds } = portsOf();
  const pods = podsOf(await render()).map(({ containers: [{ args, ports }], ...pod }) => ({
    process: args.join(' '),
    port: ports?.[0]?.containerPort,
    hasTime: (pod.terminationGracePeriodSeconds ?? Infinity) > shutdownGraceSeconds,
  }));
  expect(pods.toSorted((one, other) => one.process.localeCompare(other.process))).toEqual([
    { process: 'migrate', port: undefined, hasTime: true },
    { process: 'serve', port: api, hasTime: true },
    { process: 'watch', port: watcher, hasTime: true },
    { process: 'work', port: worker, hasTime: true },
    { process: 'work', port: worker, hasTime: true },
  ]);
});

function portsOf() {
  const port = (name: keyof typeof VARIABLES) => Number(VARIABLES[name].default);
  return {
    api: port('REMEDIATION_AUDIT_API_PORT'),
    worker: port('REMEDIATION_AUDIT_WORKER_METRICS_PORT'),
    watcher: port('REMEDIATION_AUDIT_WATCHER_METRICS_PORT'),
    shutdownGraceSeconds: readConfig({}).shutdownGraceSeconds,
  };
}

test('the watcher has the rights of deploy/rbac.yaml', async () => {
  const rulesOf = (manifests: readonly Manifest[]) =>
    manifests.find(({ kind }) => kind === 'ClusterRole')?.rules;
  const alone = documentsOf(readFileSync(repositoryPath('deploy/rbac.yaml'), 'utf8'));
  expect(rulesOf(await render())).toEqual(rulesOf(alone));
});

/** Everything of a pod that comes out of a secret. */
const secretsOf = ({ containers: [{ env }], volumes = [] }: PodSpec) => [
  ...env.flatMap(({ name, valueFrom }) =>
    valueFrom === undefined ? [] : [`${name} from ${valueFrom.secretKeyRef.name}`],
  ),
  ...volumes.flatMap(({ secret }) =>
    (secret?.items ?? []).map(({ key }) => `${key} from ${secret?.secretName ?? ''}`),
  ),
];

test('each process has an account and a secret of its own, and the roles of the database that it needs', async () => {
  const pods = podsOf(
    await render('archive.url=s3://audit/prod', 'archive.keySecret=k', 'archive.publicKeySecret=p'),
  );
  const found = pods.map((pod) => [pod.containers[0].name, pod.serviceAccountName, secretsOf(pod)]);
  expect(Object.fromEntries(found.map(([name, ...rest]) => [name, rest]))).toEqual({
    watch: ['audit-remediation-audit-watch', ['DATABASE_URL from remediation-audit-watch']],
    recording: ['audit-remediation-audit-recording', ['DATABASE_URL from remediation-audit-recording']],
    maintenance: [
      'audit-remediation-audit-maintenance',
      ['DATABASE_OWNER_URL from remediation-audit-maintenance', 'archive-key.pem from k'],
    ],
    serve: [
      'audit-remediation-audit-serve',
      [
        'DATABASE_URL from remediation-audit-serve',
        'DATABASE_READER_URL from remediation-audit-serve',
        'archive-key.pub.pem from p',
      ],
    ],
    migrate: [undefined, ['DATABASE_OWNER_URL from remediation-audit-maintenance']],
  });
});

test('what strangers send is recorded without an owner, a key or a bucket', async () => {
  const pods = podsOf(await render(...EVERYTHING));
  const [recording, maintenance] = ['recording', 'maintenance'].map((wanted) =>
    pods.find(({ containers }) => containers[0].name === wanted),
  );
  if (recording === undefined || maintenance === undefined) throw new Error('the chart has no such worker');
  const [, mine] = [recording, maintenance].map(({ containers }) => readConfig(environmentOf(containers[0])));
  const config = readConfig(environmentOf(recording.containers[0]));
  expect(config).toMatchObject({
    worker: { queues: 'recording' },
    database: { ownerUrl: '' },
    retention: { archive: { url: '', keyFile: '' } },
  });
  expect(mine).toMatchObject({ worker: { queues: 'maintenance' }, database: { url: '' } });
  expect(recording.volumes?.map(({ name }) => name)).toEqual(['tmp']);
});

test('the dashboards for Grafana are those of the files', async () => {
  const map = (await render(...EVERYTHING)).find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.endsWith('-dashboard'),
  );
  const file = (name: string): string => readFileSync(join(CHART, name), 'utf8');
  expect(map).toMatchObject({
    metadata: { labels: { grafana_dashboard: '1' } },
    data: {
      'remediation-audit.json': file('dashboard.json'),
      'remediation-audit-outcomes.json': file('dashboard-outcomes.json'),
    },
  });
});

test('a token that was issued for the API server is not taken, unless it is said so', async () => {
  const audiencesOf = async (...values: readonly string[]) => {
    const serve = podsOf(await render(...values)).find(({ containers }) => containers[0].name === 'serve');
    return readConfig(serve === undefined ? {} : environmentOf(serve.containers[0])).api.audiences;
  };
  expect(await audiencesOf()).toEqual(['remediation-audit']);
  expect(await audiencesOf('serve.tokenAudiences={a,b}')).toEqual(['a', 'b']);
  expect(await audiencesOf('serve.tokenAudiences=null')).toEqual([]);
});

test('Prometheus checks the certificate of the API', async () => {
  const monitorOf = async (...values: readonly string[]) => {
    const manifests = await render(...EVERYTHING, ...values);
    return JSON.stringify(
      manifests.find(({ kind, metadata }) => kind === 'PodMonitor' && metadata.name.endsWith('-serve')),
    );
  };
  expect(await monitorOf()).toContain(
    '"tlsConfig":{"ca":{"secret":{"name":"tls","key":"ca.crt"}},"serverName":"audit-remediation-audit.audit.svc"}',
  );
  expect(await monitorOf('serve.tlsServerName=audit.example.com')).toContain(
    '"serverName":"audit.example.com"',
  );
  const own = await monitorOf('monitoring.serveTlsConfig.ca.configMap.name=company-ca');
  expect(own).toContain('"tlsConfig":{"ca":{"configMap":{"name":"company-ca"}}}');
  expect(own).not.toContain('insecureSkipVerify');
});

test('only pods that ask the API server are known to it', async () => {
  const known = async (...values: readonly string[]) =>
    podsOf(await render(...values))
      .filter(({ automountServiceAccountToken }) => automountServiceAccountToken !== false)
      .map(({ containers }) => containers[0].name)
      .toSorted();
  expect(await known()).toEqual(['serve', 'watch']);
  expect(await known('serve.authMode=token', 'serve.tokensSecret=t')).toEqual(['watch']);
  expect(await known('settings.KUBECONFIG=/etc/clusters')).toEqual(['serve']);
  const accounts = (await render()).filter(({ kind }) => kind === 'ServiceAccount');
  expect(accounts).toHaveLength(4);
  for (const account of accounts) expect(account).toMatchObject({ automountServiceAccountToken: false });
});

test('the archive is written by maintenance and read by serve, with the public half of the key alone', async () => {
  const pods = podsOf(await render(...EVERYTHING));
  const archiveOf = (process: string) => {
    const pod = pods.find(({ containers }) => containers[0].name === process);
    if (pod === undefined) throw new Error(`the chart has no ${process}`);
    const { archive } = readConfig(environmentOf(pod.containers[0])).retention;
    const keys = (pod.volumes ?? []).filter(({ name }) => name.startsWith('archive-key'));
    return { archive, items: keys.map(({ secret }) => secret?.items?.map(({ key }) => key)) };
  };
  expect(archiveOf('maintenance')).toMatchObject({
    archive: { url: 's3://audit/prod', keyFile: '/etc/remediation-audit/archive/archive-key.pem' },
    items: [['archive-key.pem']],
  });
  expect(archiveOf('serve')).toMatchObject({
    archive: {
      url: 's3://audit/prod',
      keyFile: '',
      trustedKeysFile: '/etc/remediation-audit/archive/archive-key.pub.pem',
      workFolder: '/work',
    },
    items: [['archive-key.pub.pem']],
  });
});

test('the rules for Prometheus are those of the file', async () => {
  const rule = (await render(...EVERYTHING)).find(({ kind }) => kind === 'PrometheusRule');
  expect({ groups: rule?.spec.groups }).toEqual(parse(readFileSync(join(CHART, 'alerts.yaml'), 'utf8')));
});
