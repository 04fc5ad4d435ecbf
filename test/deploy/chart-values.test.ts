import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { chartReadme, chartSchema, chartValues } from '../../scripts/chart-documents.ts';
import { CHART, EVERYTHING, helm, podsOf, renderChart } from '../support/chart.ts';
import { repositoryPath } from '../support/repository.ts';

const read = (name: string): string => readFileSync(join(CHART, name), 'utf8');

test('the README lists every value with its default; `npm run docs:chart` writes it', () => {
  const page = read('README.md');
  expect(page).toBe(chartReadme(page));
  expect(chartValues().length).toBeGreaterThan(40);
});

test('the schema knows the variables that the processes read; `npm run docs:chart` writes them', () => {
  const text = read('values.schema.json');
  expect(JSON.parse(text)).toEqual(JSON.parse(chartSchema(text)));
});

describe('a mistake is refused with its name', () => {
  test.each([
    ['clustr=x', 'clustr'],
    ['watch.replicas=abc', '/watch/replicas'],
    ['watch.replica=2', 'replica'],
    ['serve.authMode=bogus', '/serve/authMode'],
    ['serve.authMode=none', '/serve/authMode'],
    ['settings.REMEDIATION_AUDIT_HOTDAYS=3', 'REMEDIATION_AUDIT_HOTDAYS'],
    ['maintenance.settings.REMEDIATION_AUDIT_HOTDAYS=3', 'REMEDIATION_AUDIT_HOTDAYS'],
    ['work.replicas=2', 'work'],
    ['settings.DATABASE_OWNER_URL=postgres://a@b/c', 'DATABASE_OWNER_URL'],
    ['recording.settings.REMEDIATION_AUDIT_WORKER_QUEUES=all', 'REMEDIATION_AUDIT_WORKER_QUEUES'],
    ['serve.settings.REMEDIATION_AUDIT_API_AUTH_MODE=none', 'REMEDIATION_AUDIT_API_AUTH_MODE'],
    ['settings.TEMPORAL_API_KEY=secret', 'TEMPORAL_API_KEY'],
    ['image.digest=latest', '/image/digest'],
    ['archive.url=ftp://x', '/archive/url'],
    ['cluster=', 'cluster names the watched cluster'],
    ['image.repository=', 'image.repository names the image'],
    ['recording.databaseSecret=', '/recording/databaseSecret'],
    ['serve.databaseSecret=', '/serve/databaseSecret'],
    ['archive.url=s3://audit/prod', 'archive.publicKeySecret names the secret'],
    ['archive.url=s3://audit/prod,archive.publicKeySecret=p', 'archive.keySecret names the secret'],
    ['serve.authMode=token', 'serve.tokensSecret names the secret'],
  ])('%s', async (value, name) => {
    await expect(renderChart(value)).rejects.toThrow(name);
  });

  test('nothing set: both required values are asked for', async () => {
    await expect(helm('template', 'audit', CHART, '--kube-version', '1.34.0')).rejects.toThrow(
      /names the (watched cluster|image)/,
    );
  });
});

test('variables of other owners may be set, and numbers are written digit for digit', async () => {
  const rendered = await renderChart(
    'settings.AWS_REGION=eu-west-1',
    'maintenance.settings.REMEDIATION_AUDIT_ARCHIVE_PART_ROWS=2000000',
    'settings.REMEDIATION_AUDIT_REQUIRE_APPROVAL=true',
  );
  const maintenance = podsOf(rendered).find(({ containers }) => containers[0].name === 'maintenance');
  expect(maintenance?.containers[0].env).toEqual(
    expect.arrayContaining([
      { name: 'AWS_REGION', value: 'eu-west-1' },
      { name: 'REMEDIATION_AUDIT_ARCHIVE_PART_ROWS', value: '2000000' },
      { name: 'REMEDIATION_AUDIT_REQUIRE_APPROVAL', value: 'true' },
    ]),
  );
});

const EXTRAS = [
  ['extraEnv[0].name=TEMPORAL_API_KEY', 'extraEnv[0].valueFrom.secretKeyRef.name=temporal'],
  ['extraEnv[0].valueFrom.secretKeyRef.key=api-key'],
  ['extraVolumes[0].name=ca', 'extraVolumes[0].configMap.name=postgres-ca'],
  ['extraVolumeMounts[0].name=ca', 'extraVolumeMounts[0].mountPath=/etc/postgres'],
].flat();

test.each([
  ['without', []],
  ['with', EVERYTHING],
])(
  '%s an archive every process gets the files and variables that are added for all',
  async (_case, values) => {
    const pods = podsOf(await renderChart(...values, ...EXTRAS, 'watch.strictKinds={all}'));
    expect(pods).toHaveLength(6);
    for (const { containers, volumes } of pods) {
      const [{ env, volumeMounts }] = containers;
      expect(env.map(({ name }) => name)).toContain('TEMPORAL_API_KEY');
      expect(volumes).toContainEqual({ name: 'ca', configMap: { name: 'postgres-ca' } });
      expect(volumeMounts).toContainEqual({ name: 'ca', mountPath: '/etc/postgres' });
    }
  },
);

const PROCESSES = ['watch', 'recording', 'maintenance', 'serve'];

test.each(PROCESSES)('%s gets files and variables for itself', async (process) => {
  const own = [...EXTRAS, 'settingsFrom[0].secretRef.name=mine'].map((value) => `${process}.${value}`);
  const pods = podsOf(await renderChart(...own));
  const namesOf = (found: typeof pods) => found.map(({ containers }) => containers[0].name);
  expect(namesOf(pods.filter(({ volumes }) => volumes?.some(({ name }) => name === 'ca')))).toEqual([
    process,
  ]);
  const withMine = pods.filter(({ containers }) =>
    JSON.stringify(containers[0].envFrom ?? []).includes('mine'),
  );
  expect(namesOf(withMine)).toEqual([process]);
});

test('an image is named by its digest, and pods carry annotations', async () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const manifests = await renderChart(`image.digest=${digest}`, 'podAnnotations.team=sre');
  const templates = manifests
    .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
    .map(({ spec }) => spec.template);
  expect(templates).toHaveLength(5);
  for (const { metadata, spec } of templates) {
    expect(spec.containers[0].image).toBe(`registry.example.com/remediation-audit@${digest}`);
    expect(metadata.annotations).toEqual({ team: 'sre' });
  }
});

test('accounts that exist already are used and not created', async () => {
  const names = PROCESSES.map((process) => `${process}.serviceAccountName=my-${process}`);
  const manifests = await renderChart('serviceAccount.create=false', ...names);
  expect(manifests.filter(({ kind }) => kind === 'ServiceAccount')).toEqual([]);
  const used = podsOf(manifests).map(({ serviceAccountName }) => serviceAccountName);
  expect(used.toSorted()).toEqual(['my-maintenance', 'my-recording', 'my-serve', 'my-watch', undefined]);
  const bindings = manifests.filter(({ kind }) => kind === 'ClusterRoleBinding');
  expect(JSON.stringify(bindings)).toMatch(/my-watch.*my-serve/);
});

test('the service answers under a second name, for clients that have one built in', async () => {
  const services = async (...values: readonly string[]) =>
    (await renderChart(...values)).filter(({ kind }) => kind === 'Service');
  expect(await services()).toHaveLength(1);
  const [, alias] = await services('service.alias.name=storage-service', 'service.alias.namespace=kubernaut');
  expect(alias).toMatchObject({
    metadata: { name: 'storage-service', namespace: 'kubernaut' },
    spec: {
      type: 'ExternalName',
      externalName: 'audit-remediation-audit.audit.svc.cluster.local',
      ports: [{ port: 8085 }],
    },
  });
});

test('a Temporal that asks for client certificates is reached by every process, with the values of docs/install.md', async () => {
  const page = readFileSync(repositoryPath('docs/install.md'), 'utf8');
  const [, values = ''] = /^```yaml\n(.*?)^```$/ms.exec(page) ?? [];
  const { settings, extraVolumes, extraVolumeMounts } = parse(values) as {
    settings: Readonly<Record<string, string>>;
    extraVolumes: readonly { name: string; secret: { secretName: string } }[];
    extraVolumeMounts: readonly { name: string; mountPath: string }[];
  };
  const sets = [
    ...Object.entries(settings).map(([name, value]) => `settings.${name}=${value}`),
    ...extraVolumes.flatMap(({ name, secret: { secretName } }, at) => [
      `extraVolumes[${at}].name=${name}`,
      `extraVolumes[${at}].secret.secretName=${secretName}`,
    ]),
    ...extraVolumeMounts.flatMap(({ name, mountPath }, at) => [
      `extraVolumeMounts[${at}].name=${name}`,
      `extraVolumeMounts[${at}].mountPath=${mountPath}`,
    ]),
  ];
  for (const { containers } of podsOf(await renderChart(...sets))) {
    const [{ env, volumeMounts }] = containers;
    const files = env.filter(({ name }) => Object.hasOwn(settings, name)).map(({ value = '' }) => value);
    expect(files).toHaveLength(Object.keys(settings).length);
    for (const file of files)
      expect(
        volumeMounts?.some(({ mountPath }) => file.startsWith(`${mountPath}/`)),
        file,
      ).toBe(true);
  }
});
