import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { readConfig } from '../../src/config/config.ts';
import { runChecks } from '../../src/doctor/check.ts';
import { keyChecks } from '../../src/doctor/key-checks.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createClosing } from '../../src/services/running-service.ts';
import { MAINTENANCE_QUEUE, RECORDING_QUEUE } from '../../src/temporal/identifiers.ts';
import { everyUrl, faultsOf } from '../support/doctor-faults.ts';
import type { Environment } from '../support/doctor-world.ts';
import { DoctorWorld } from '../support/doctor-world.ts';
import { startProgram } from '../support/up.ts';

const START_MS = 300_000;

let world: DoctorWorld;

beforeAll(async () => {
  world = await DoctorWorld.create();
  await world.addNamespace('without-attributes', { attributes: true });
  await world.addNamespace('without-recorder', { queue: RECORDING_QUEUE });
  await world.addNamespace('without-maintainer', { queue: MAINTENANCE_QUEUE });
}, START_MS);

afterAll(() => world[Symbol.asyncDispose]());

describe('doctor', () => {
  test('finds nothing wrong where nothing is', async () => {
    const findings = await world.examine();
    expect(findings.filter(({ state }) => state === 'wrong' || state === 'not checked')).toEqual([]);
    expect(findings.filter(({ state }) => state === 'ok').length).toBeGreaterThan(25);
  });

  test('leaves nothing in the archive', async () => {
    const findings = await world.examine();
    expect(findings.find(({ check }) => check === 'archive write')).toMatchObject({ state: 'ok' });
    expect(await readdir(world.folder.file('archive'))).toEqual([]);
  });

  test.each(faultsOf(() => world))(
    'names that alone: $fault',
    async ({ env, prepare, clockAheadMs, check, says }) => {
      const takeBack = await prepare?.();
      try {
        const findings = await world.examine(await env?.(), clockAheadMs);
        const faults = findings.filter(({ state }) => state === 'wrong');
        expect(
          faults.map((finding) => finding.check),
          JSON.stringify(faults),
        ).toEqual([expect.stringMatching(check)]);
        const said = faults.map(({ found, remedy }) =>
          remedy === undefined ? found : `${found}; ${remedy}`,
        );
        expect(said.join()).toMatch(says);
        for (const { state, found: why } of findings)
          if (state === 'not checked') expect(why).toMatch(/^because .+ (?:is wrong|was not checked)$/);
      } finally {
        await takeBack?.();
      }
    },
  );

  test('a certificate that has expired', async () => {
    const examined = { config: readConfig(world.environment), closing: createClosing() };
    const checks = keyChecks({
      ...{ ...examined, logger: createLogger('silent', 'test') },
      nowMs: () => Date.parse('2999-01-01T00:00:00Z'),
    });
    const findings = await runChecks(checks, new AbortController().signal);
    expect(findings.find(({ check }) => check === 'TLS certificate')).toMatchObject({
      state: 'wrong',
      found: expect.stringMatching(/expired at \d{4}-/) as string,
      remedy: 'renew the certificate',
    });
  });

  test('servers that take connections and say nothing do not keep it waiting', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const port = String((silent.address() as AddressInfo).port);
    try {
      const findings = await world.examine({
        ...everyUrl(world, (url) => (url.port = port)),
        TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
        KUBECONFIG: await world.writeKubeconfig('silent', { server: `https://127.0.0.1:${port}` }),
      });
      const faults = findings.filter(({ state }) => state === 'wrong').map(({ check }) => check);
      expect(faults).toEqual([
        `database 127.0.0.1:${port}/remediation_audit`,
        `temporal 127.0.0.1:${port}`,
        'cluster test',
      ]);
    } finally {
      silent.close();
    }
  });
});

describe('doctor as a command', () => {
  const run = async (args: readonly string[], env: Environment) => {
    const program = startProgram(['doctor', ...args], { env });
    return { code: await program.exited, output: program.output() };
  };

  test('exit code 0 and JSON with a version', async () => {
    const { code, output } = await run(['-o', 'json'], world.environment);
    const { apiVersion, kind, checks } = JSON.parse(output) as {
      apiVersion: string;
      kind: string;
      checks: object[];
    };
    expect([apiVersion, kind]).toEqual(['remediation-audit/v1', 'DoctorReport']);
    expect(checks[0]).toEqual({
      check: expect.stringMatching(/^database /) as string,
      state: 'ok',
      found: expect.stringMatching(/^PostgreSQL 18/) as string,
      remedy: null,
    });
    expect(code).toBe(0);
  });

  test('exit code 1 and one line each where something is wrong', async () => {
    const { code, output } = await run([], { ...world.environment, TEMPORAL_NAMESPACE: 'nowhere' });
    expect(output).toMatch(/^ok +database 127/);
    expect(output).toMatch(/^wrong +temporal namespace +.*; make the namespace/m);
    expect(output).toMatch(/^not checked +search attributes +because temporal namespace is wrong$/m);
    expect(output).toMatch(/^remediation-audit doctor: 1 of \d+ checks found something wrong$/m);
    expect(output).not.toContain(new URL(world.database.writerUrl).password);
    expect(code).toBe(1);
  });

  test.each([[['-o', 'yaml']], [['more']], [['--wrong']]])('exit code 2: %j', async (args) => {
    expect((await run(args, world.environment)).code).toBe(2);
  });

  test.each([
    [{ DATABASE_URL: '', DATABASE_READER_URL: '', DATABASE_OWNER_URL: '' }, 'DATABASE_URL is not set'],
    [{ REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE: '/nowhere' }, 'REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE'],
  ])('exit code 3: %j', async (env, says) => {
    const { code, output } = await run([], { ...world.environment, ...env });
    expect(output).toContain(says);
    expect(code).toBe(3);
  });
});
