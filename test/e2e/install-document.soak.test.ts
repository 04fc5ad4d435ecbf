import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { type KubeApiserver, startKubeApiserver } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';
import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { findFreePort } from '../../dev/servers/process/ports.ts';
import { type EmbeddedTemporal, startTemporal } from '../../dev/servers/temporal/development-server.ts';
import { documentsOf, type EnvironmentVariable, type Manifest } from '../support/chart.ts';
import { repositoryPath } from '../support/repository.ts';
import { cacheDir, pgvectorBinaries, resolveServer } from '../support/servers.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';
import { until } from '../support/until.ts';
import { type RunningProgram, startProgram } from '../support/up.ts';

const run = promisify(execFile);
const BLOCKS = [
  ...readFileSync(repositoryPath('docs/install.md'), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms),
].map(([, block = '']) => block);

/** Several servers and processes, and a remediation that is played, on a busy machine. */
const DEADLINE_MS = 600_000;

/** What needs a registry, a kubelet or another checkout. Nothing else may be left out. */
const LEFT_OUT = [
  'npm ci',
  'docker build --tag registry.example.com/remediation-audit:0.1.0 .',
  'docker push registry.example.com/remediation-audit:0.1.0',
  'kubectl --namespace remediation-audit rollout status deployment/audit-remediation-audit-serve',
  'kubectl --namespace remediation-audit logs deployment/audit-remediation-audit-watch',
  'kubectl --namespace remediation-audit port-forward service/audit-remediation-audit 8085:8085',
];

/**
 * Before each block. helm installs nothing, because a job that no kubelet runs would be waited for: the API server checks
 * what it would send, and gets the rendered objects by kubectl. The command line of Temporal is not among the servers that
 * are brought along: a program of the same flags makes the same calls.
 */
const PRELUDE = `
set -euo pipefail
leave_out() { echo "$*" >> "$LEFT_OUT_FILE"; }
docker() { leave_out docker "$@"; }
npm() { if [ "$1" = ci ]; then leave_out npm "$@"; else command npm "$@"; fi; }
kubectl() {
  case " $* " in
    *' rollout '* | *' logs '* | *' port-forward '*) leave_out kubectl "$@" ;;
    *) command kubectl "$@" ;;
  esac
}
helm() {
  command helm "$@" --dry-run=server
  shift 2
  command helm template "$@" --kube-version 1.34.0 > "$RENDERED_FILE"
  command kubectl apply --server-side --filename "$RENDERED_FILE"
}
temporal() { "$NODE" "$TEMPORAL_CALLS" "$@"; }
`;

let folder: TestFolder;
let postgres: EmbeddedPostgres;
let temporal: EmbeddedTemporal;
let cluster: KubeApiserver;
let apiPort: number;
let environment: Record<string, string>;
const programs: RunningProgram[] = [];

beforeAll(async () => {
  folder = await createTestFolder();
  const report = (): void => undefined;
  const [apiserver, etcd] = [await resolveServer('kube-apiserver'), await resolveServer('etcd')];
  [postgres, temporal, cluster, apiPort] = await Promise.all([
    startPostgres({
      ...{ dataDir: folder.file('postgres'), port: 0, cacheDir, report, settings: { fsync: 'off' } },
      binaries: await pgvectorBinaries(),
    }),
    startTemporal({
      ...{ binary: await resolveServer('temporal'), dataDir: folder.file('temporal'), headless: true },
      ...{ port: 0, uiPort: 0, searchAttributes: {}, report },
    }),
    startKubeApiserver({ dataDir: folder.file('cluster'), binaries: { apiserver, etcd } }),
    findFreePort(),
  ]);
  await mkdir(folder.file('.kube'));
  await copyFile(cluster.kubeconfigPath, folder.file('.kube/config'));
  environment = {
    // Where kubectl finds its cluster without any variable, as most readers have it.
    HOME: folder.path,
    PATH: `${await programFolder()}:${process.env['PATH'] ?? ''}`,
    LEFT_OUT_FILE: folder.file('left-out'),
    RENDERED_FILE: folder.file('rendered.yaml'),
    NODE: process.execPath,
    TEMPORAL_CALLS: repositoryPath('test/support/temporal-calls.ts'),
  };
});

afterAll(async () => {
  await Promise.all(
    programs.map(async ({ child, exited }) => {
      child.kill('SIGTERM');
      await exited;
    }),
  );
  await Promise.all([postgres.stop(), temporal.stop(), cluster.stop()]);
  await folder.remove();
});

/** The programs that the page asks for, in front of others of the same name. */
async function programFolder(): Promise<string> {
  const bin = folder.file('bin');
  await mkdir(bin);
  await symlink(await resolveServer('helm'), join(bin, 'helm'));
  await symlink(await resolveServer('kubectl'), join(bin, 'kubectl'));
  // Not a link: psql finds its libraries from where it is.
  const psql = join(await resolveServer('pgvector'), 'bin', 'psql');
  await writeFile(join(bin, 'psql'), `#!/bin/sh\nexec '${psql}' "$@"\n`);
  await chmod(join(bin, 'psql'), 0o755);
  return bin;
}

/** What the reader puts in place of the examples of step 1. */
function ownValues(): Readonly<Record<string, string>> {
  const admin = new URL(postgres.superuserUrl());
  admin.pathname = '';
  return {
    ADMIN_URL: admin.href.replace(/\/$/, ''),
    DATABASE_HOST: `127.0.0.1:${postgres.port}`,
    TEMPORAL_ADDRESS: temporal.address,
  };
}

function asReader(block: string): string {
  const own = Object.entries(ownValues());
  const filled = own.reduce(
    (text, [name, value]) =>
      text.replace(new RegExp(`^export ${name}='.*'$`, 'm'), `export ${name}='${value}'`),
    block,
  );
  return filled.replaceAll('http://127.0.0.1:8085/', `http://127.0.0.1:${apiPort}/`);
}

/** Runs a block in a shell that has what the blocks before it exported; gives what it wrote. */
async function runBlock(block: string): Promise<string> {
  const state = folder.file('state');
  const script = `[ -f '${state}' ] && . '${state}'\n${PRELUDE}\n${asReader(block)}\nwait\nexport -p > '${state}'`;
  const shell = spawn('bash', ['-c', script], { cwd: repositoryPath('.'), env: environment });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise((resolve) => shell.once('close', resolve));
  if (code !== 0)
    throw new Error(`this block of docs/install.md ended with ${String(code)}:\n${block}\n${output}`);
  return output;
}

const kubectl = async (...args: readonly string[]): Promise<string> =>
  (await run('kubectl', args, { env: environment })).stdout;

/** In the place of a kubelet: each process with the settings that its object in the cluster has. */
async function runProcesses(): Promise<void> {
  const rendered = documentsOf(await readFile(folder.file('rendered.yaml'), 'utf8'));
  const jobs = rendered.filter(({ kind }) => kind === 'Job');
  for (const job of jobs) expect(await (await startOf(job)).exited).toBe(0);
  for (const deployment of rendered.filter(({ kind }) => kind === 'Deployment'))
    programs.push(await startOf(deployment));
  for (const program of programs)
    await until(
      () => program.output().includes('"msg":"started"'),
      () => `the process has started; it said ${program.output().slice(-2_000)}`,
      60_000,
    );
}

async function startOf({ spec }: Manifest): Promise<RunningProgram> {
  const { containers, serviceAccountName } = spec.template.spec;
  const env: Record<string, string> = {
    REMEDIATION_AUDIT_WORKER_METRICS_PORT: '0',
    REMEDIATION_AUDIT_WATCHER_METRICS_PORT: '0',
  };
  for (const variable of containers[0].env) env[variable.name] = await valueOf(variable);
  if (env['REMEDIATION_AUDIT_API_PORT'] !== undefined) env['REMEDIATION_AUDIT_API_PORT'] = String(apiPort);
  if (serviceAccountName !== undefined) env['KUBECONFIG'] = await kubeconfigOf(serviceAccountName);
  return startProgram(containers[0].args, { env });
}

async function valueOf({ value, valueFrom }: EnvironmentVariable): Promise<string> {
  if (valueFrom === undefined) return value ?? '';
  const { name, key } = valueFrom.secretKeyRef;
  const secret = JSON.parse(
    await kubectl('--namespace', 'remediation-audit', 'get', 'secret', name, '--output', 'json'),
  ) as { data: Record<string, string> };
  return Buffer.from(secret.data[key] ?? '', 'base64').toString();
}

/** The rights of a pod: those of its service account. */
async function kubeconfigOf(account: string): Promise<string> {
  const token = await kubectl('--namespace', 'remediation-audit', 'create', 'token', account);
  const path = folder.file(`kubeconfig-${account}`);
  await writeFile(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'c',
          cluster: {
            server: cluster.url,
            'certificate-authority-data': Buffer.from(cluster.caPem).toString('base64'),
          },
        },
      ],
      users: [{ name: 'u', user: { token: token.trim() } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  return path;
}

test(
  'every command of docs/install.md works, from an empty database to the first row',
  { timeout: DEADLINE_MS },
  async () => {
    const outputs: string[] = [];
    for (const block of BLOCKS) {
      if (block.includes('/api/v1/remediations')) await untilRecorded();
      outputs.push(await runBlock(block));
      if (block.includes('helm upgrade')) await runProcesses();
    }
    const outputOf = (part: string): string =>
      outputs[BLOCKS.findIndex((block) => block.includes(part))] ?? '';
    expect(outputOf('roles.sql')).not.toContain('WARNING');
    expect(outputOf('-- migrate')).toContain('applied 0001');
    const notes = outputOf('helm upgrade');
    expect(notes).toContain('http://audit-remediation-audit.remediation-audit.svc:8085 with a bearer token');
    expect(notes).toContain('201 is durable');
    expect(outputOf('/api/v1/remediations')).toContain('"cluster":"prod-1"');
    expect(outputOf('--json')).toMatch(/"revision"/);
    const leftOut = (await readFile(folder.file('left-out'), 'utf8')).trim().split('\n');
    expect(leftOut).toEqual(LEFT_OUT);
  },
);

/** What the reader waits for too. */
async function untilRecorded(): Promise<void> {
  const block = `curl --silent --header "Authorization: Bearer $TOKEN" 'http://127.0.0.1:8085/api/v1/remediations?limit=1'`;
  let last = '';
  await until(
    async () => {
      last = await runBlock(block);
      return last.includes('"cluster":"prod-1"');
    },
    () =>
      `there is a row; the last answer was ${last}; ${programs.map((program) => program.output().slice(-1_500)).join('\n')}`,
    180_000,
  );
}
