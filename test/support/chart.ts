import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { parseAllDocuments } from 'yaml';

import { repositoryPath } from './repository.ts';
import { resolveServer } from './servers.ts';

const run = promisify(execFile);

export const CHART = repositoryPath('deploy/chart');

/** What has no default: whoever installs the chart says it. */
export const REQUIRED_VALUES = ['cluster=prod-1', 'image.repository=registry.example.com/remediation-audit'];

/** Values under which every optional part is rendered. */
export const EVERYTHING = [
  'archive.url=s3://audit/prod',
  'archive.keySecret=archive-key',
  'archive.publicKeySecret=archive-public-key',
  'serve.authMode=token',
  'serve.tokensSecret=tokens',
  'serve.tlsSecret=tls',
  'monitoring.podMonitor=true',
  'monitoring.prometheusRule=true',
  'monitoring.dashboard=true',
  'service.alias.name=storage-service',
  'podAnnotations.team=sre',
];

export interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
}

export interface Container {
  readonly name: string;
  readonly args: string[];
  readonly image: string;
  readonly env: EnvironmentVariable[];
  readonly envFrom?: object[];
  readonly ports?: { readonly containerPort: number }[];
  readonly securityContext: object;
  readonly volumeMounts?: { readonly name: string; readonly mountPath: string }[];
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly containers: [Container];
  readonly securityContext: object;
  readonly enableServiceLinks?: boolean;
  readonly volumes?: { name: string; secret?: { secretName: string; items?: { key: string }[] } }[];
  readonly terminationGracePeriodSeconds?: number;
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  readonly spec: {
    readonly groups?: object[];
    readonly type?: string;
    readonly externalName?: string;
    readonly ports?: { readonly name: string; readonly port: number; readonly targetPort?: string }[];
    readonly template: {
      readonly metadata: {
        readonly annotations?: Readonly<Record<string, string>>;
        readonly labels?: Readonly<Record<string, string>>;
      };
      readonly spec: PodSpec;
    };
  };
}

/** What helm makes of the chart with these values. */
export async function renderChart(...values: readonly string[]): Promise<Manifest[]> {
  const { stdout } = await helm(
    ...['template', 'audit', CHART, '--namespace', 'audit', '--kube-version', '1.34.0'],
    ...[...REQUIRED_VALUES, ...values].flatMap((value) => ['--set', value]),
  );
  return documentsOf(stdout);
}

export async function helm(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return run(await resolveServer('helm'), args);
}

export const documentsOf = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);

export const podsOf = (manifests: readonly Manifest[]): PodSpec[] =>
  manifests
    .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
    .map(({ spec }) => spec.template.spec);

/** As the kubelet would set them, with something in place of what is in a secret. */
export const environmentOf = ({ env }: Container): Record<string, string> =>
  Object.fromEntries(
    env.map(({ name, value, valueFrom }) => [
      name,
      value ?? `postgres://${String(valueFrom?.secretKeyRef.key)}@db/x`,
    ]),
  );
