import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { KUBERNAUT_KINDS } from '../../dev/sandbox/kinds.ts';
import type { Sandbox } from '../../dev/sandbox/sandbox.ts';
import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import { branchesOf } from '../../dev/simulator/stories.ts';
import { until } from '../support/until.ts';
import { startProgram } from '../support/up.ts';
import { ConformanceClient } from './conformance-client.ts';
import { API } from './conformance-cluster.ts';

const EXIT = { ok: 0, usage: 2, configuration: 3 };
const REMEDIATIONS = `${API}/remediationrequests`;

let folder: string;
let kubeconfig: string;
let sandbox: Sandbox;
let client: ConformanceClient;

async function start(kinds = KUBERNAUT_KINDS): Promise<void> {
  sandbox = await startSandbox({ kinds });
  client.connect({ url: sandbox.url, token: sandbox.token });
  await writeFile(kubeconfig, sandbox.kubeconfig);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-simulate-'));
  kubeconfig = join(folder, 'kubeconfig');
  client = new ConformanceClient();
});
afterEach(async () => {
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

async function simulate(...flags: string[]): Promise<{ code: number | null; output: string }> {
  const program = startProgram(['simulate', '--kubeconfig', kubeconfig, ...flags]);
  const code = await program.exited;
  return { code, output: program.output() };
}

const FAST = ['--speed', '100000', '--burst', '100', '--flap-for', '1s', '--seed', '5'];

test('every branch is played in a burst, reported while it happens, and summed up', async () => {
  await start();
  const branches = branchesOf('G3');
  const { code, output } = await simulate(...FAST, '--count', String(branches.length));
  expect(output).toContain(`seed 5: ${branches.length} remediations begun, ${branches.length} ended`);
  for (const branch of branches) expect(output).toMatch(new RegExp(`^ {2}${branch} +1$`, 'm'));
  expect(output).toMatch(/^\d+\/\d+ kubernaut-system\/rr-\S+ execution-failed: Failed$/m);
  expect(code).toBe(EXIT.ok);
  const { items = [] } = (await client.get(REMEDIATIONS)).body;
  expect(items).toHaveLength(branches.length - 1);
  await sandbox.stop();
});

test('a cluster without the kinds gets them only when asked', async () => {
  await start([]);
  const without = await simulate(...FAST, '--count', '1');
  expect(without.code).toBe(EXIT.configuration);
  expect(without.output).toContain('the cluster does not serve remediationrequests.kubernaut.ai');
  expect(without.output).toContain('--install-kinds');
  const flags = ['--count', '1', '--branches', 'remediated', '--generation', 'G1', '--install-kinds'];
  const { code, output } = await simulate(...FAST, ...flags);
  expect(output).toContain('remediated: completed');
  expect(code).toBe(EXIT.ok);
  await sandbox.stop();
});

test('a cluster with remediations of somebody else is refused in one sentence and left as it is', async () => {
  await start();
  const body = {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'RemediationRequest',
    metadata: { name: 'real' },
  };
  await client.post(`${API}/namespaces/default/remediationrequests`, body);
  const before = sandbox.store.version;
  const { code, output } = await simulate(...FAST, '--count', '1', '--install-kinds');
  expect(code).toBe(EXIT.configuration);
  expect(output.trim()).toMatch(/^remediation-audit simulate: .*default\/real, which no simulator made; .*$/);
  expect(sandbox.store.version).toBe(before);
  await sandbox.stop();
});

test('SIGINT ends it with what it has played so far', async () => {
  await start();
  const program = startProgram(['simulate', '--kubeconfig', kubeconfig, '--speed', '1', '--seed', '5']);
  await until(async () => ((await client.get(REMEDIATIONS)).body.items ?? []).length > 0, 'one has begun');
  program.child.kill('SIGINT');
  expect(await program.exited).toBe(EXIT.ok);
  expect(program.output()).toContain('remediations begun, 0 ended');
  await sandbox.stop();
});

describe('what makes no sense is refused:', () => {
  const wrong: [string[], number, string][] = [
    [['--branches', 'happy'], EXIT.usage, 'G3 has no branch "happy"; it has remediated'],
    [['--generation', 'G1', '--branches', 'dry-run'], EXIT.usage, 'G1 has no branch "dry-run"'],
    [['--generation', 'G9'], EXIT.usage, '--generation must be G3, G2, G1'],
    [['--count', 'many'], EXIT.usage, '--count must be a whole number'],
    [['--retention', 'long'], EXIT.usage, '--retention: "long" is an invalid duration'],
    [['--burst', '5', '--rate', '5'], EXIT.usage, 'choose one'],
    [['--burst', '5', '--concurrency', '5'], EXIT.usage, 'choose one'],
    [['--burst', 'all'], EXIT.usage, '--burst must be a whole number'],
    [['--dance'], EXIT.usage, '--help'],
    [[], EXIT.configuration, 'cannot read kubeconfig'],
  ];
  test.each(wrong)('%j', async (flags, expected, problem) => {
    const { code, output } = await simulate(...flags);
    expect(output).toContain(problem);
    expect(code).toBe(expected);
  });
});

test('without any kubeconfig it says which to name', async () => {
  const program = startProgram(['simulate']);
  expect(await program.exited).toBe(EXIT.configuration);
  expect(program.output()).toContain('name one with --kubeconfig or KUBECONFIG');
});
