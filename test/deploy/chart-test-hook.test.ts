import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { EVERYTHING, renderChart } from '../support/chart.ts';

interface TestPod {
  readonly containers: readonly [
    {
      readonly command: readonly string[];
      readonly args: readonly string[];
      readonly env: readonly { readonly name: string; readonly value: string }[];
      readonly securityContext: object;
    },
  ];
  readonly automountServiceAccountToken: boolean;
  readonly volumes?: readonly { readonly secret: { readonly items: readonly { readonly key: string }[] } }[];
}

async function testPod(...values: readonly string[]): Promise<TestPod> {
  const pods = (await renderChart(...values)).filter(({ kind }) => kind === 'Pod');
  expect(pods.map(({ metadata }) => metadata.annotations?.['helm.sh/hook'])).toEqual(['test']);
  return pods[0]?.spec as unknown as TestPod;
}

/** Runs what the pod runs against an API that answers so. */
async function outcome(pod: TestPod, statuses: Readonly<Record<string, number>>): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(statuses[request.url ?? ''] ?? 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [{ command, args }] = pod.containers;
  try {
    await promisify(execFile)(process.execPath, [...command.slice(1), ...args], { env: { URL_OF_API: url } });
    return 'passed';
  } catch (error: unknown) {
    return String(error);
  } finally {
    server.close();
  }
}

test('helm test passes where the API is ready and asks who calls, and fails where it does not', async () => {
  const pod = await testPod();
  expect(pod.containers[0].command[0]).toBe('node');
  expect(pod.containers[0].env).toEqual([
    { name: 'URL_OF_API', value: 'http://audit-remediation-audit.audit.svc:8085' },
  ]);
  expect(await outcome(pod, { '/readyz': 200, '/api/v1/completeness': 401 })).toBe('passed');
  expect(await outcome(pod, { '/readyz': 503 })).toContain('/readyz answers 503 and not 200');
  expect(await outcome(pod, { '/readyz': 200, '/api/v1/completeness': 200 })).toContain('and not 401');
});

test('its pod has no token, no right to change anything, and of the certificate only the CA', async () => {
  const pod = await testPod(...EVERYTHING);
  expect(pod.automountServiceAccountToken).toBe(false);
  expect(pod.containers[0].securityContext).toMatchObject({ readOnlyRootFilesystem: true });
  expect(pod.containers[0].env[0]?.value).toBe('https://audit-remediation-audit.audit.svc:8085');
  expect(pod.volumes?.map(({ secret }) => secret.items.map(({ key }) => key))).toEqual([['ca.crt']]);
});
