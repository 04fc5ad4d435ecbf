import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { JsonObject } from '../../src/domain/json.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { FINALIZER } from '../../src/watcher/strict/finalizer.ts';
import { documentSchema, documentsIn, expectDocuments } from '../support/command-schema.ts';
import { repositoryPath } from '../support/repository.ts';
import { until } from '../support/until.ts';
import { startProgram } from '../support/up.ts';
import { ApiserverWorld } from '../support/watcher-apiserver.ts';

const DEADLINE_MS = 110_000;
const COLLECTION = '/apis/kubernaut.ai/v1alpha1/namespaces/default/remediationrequests';
const DEFINITION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/remediationrequests.kubernaut.ai';
const EXIT = { ok: 0, failure: 1, usage: 2 };
const HOLD_MS = HOUR_MS;
const STRICT = { kinds: ['RemediationRequest'], holdMs: HOLD_MS };

/** As kubernaut's own: no field that is not declared, no other word for a phase, and a spec that never changes. */
const SCHEMA = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['signalName'],
      properties: { signalName: { type: 'string' } },
      'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'spec is immutable after creation' }],
    },
    status: {
      type: 'object',
      properties: { overallPhase: { type: 'string', enum: ['Pending', 'Executing', 'Completed', 'Failed'] } },
    },
  },
};

let world: ApiserverWorld;
let names = 0;
let logged: Record<string, unknown>[] = [];

interface Remediation {
  readonly metadata: { readonly finalizers?: string[]; readonly deletionTimestamp?: string };
}

beforeAll(async () => {
  world = await ApiserverWorld.create();
  const version = { name: 'v1alpha1', served: true, storage: true, subresources: { status: {} } };
  const spec = { versions: [{ ...version, schema: { openAPIV3Schema: SCHEMA } }] };
  await world.send('PATCH', DEFINITION, { spec });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});
afterEach(async () => {
  await world.stopWatchers();
});

const find = async (name: string): Promise<Remediation | undefined> =>
  (await world.send('GET', `${COLLECTION}/${name}`).catch((error: unknown) => {
    if (String(error).includes(': 404 ')) return undefined;
    throw error;
  })) as Remediation | undefined;
const isHeld = async (name: string): Promise<boolean> =>
  (await find(name))?.metadata.finalizers?.includes(FINALIZER) ?? false;
const untilHeld = (name: string): Promise<void> =>
  until(
    () => isHeld(name),
    () => `${name} is held; logged was ${JSON.stringify(logged)}`,
    DEADLINE_MS,
  );
const untilGone = (name: string): Promise<void> =>
  until(async () => (await find(name)) === undefined, `${name} is gone`, DEADLINE_MS);
const untilReported = (what: string): Promise<void> =>
  until(() => world.record.reported.has(what), `${what} is reported`, DEADLINE_MS);
const newRemediation = async (): Promise<{ name: string; uid: string }> => {
  const name = `strict-${(names += 1)}`;
  return { name, uid: await world.create(name) };
};
const startWatcher = (strict: typeof STRICT | undefined = STRICT): void => {
  logged = [];
  const write = (line: string) => logged.push(JSON.parse(line) as Record<string, unknown>);
  world.startWatcher({ strict, logger: pino({ level: 'warn' }, { write }) });
};
const strict = async (...args: string[]): Promise<{ code: number | null; output: string }> => {
  const program = startProgram(['strict', ...args], { env: { KUBECONFIG: world.kubeconfigPath } });
  return { code: await program.exited, output: program.output() };
};

/** Held against what the command prints; `npx vitest run --project cluster strict-mode-apiserver --update` writes it. */
async function expectDescribed(verb: 'release' | 'uninstall', output: string): Promise<void> {
  const schema = documentSchema(
    { title: `remediation-audit strict ${verb} --json, a line`, kind: 'StrictRelease', answer: STRICT_LINE },
    {},
  );
  await expect(`${JSON.stringify(schema, undefined, 2)}
`).toMatchFileSnapshot(repositoryPath(`docs/commands/strict-${verb}.schema.json`));
  expectDocuments(documentsIn(output), schema);
}

const text: JsonObject = { type: 'string' };
/** By its result: nobody has to guess which members there are. */
const STRICT_LINE: JsonObject = {
  type: 'object',
  required: ['result'],
  oneOf: [
    {
      required: ['what'],
      properties: { what: text, result: { enum: ['released', 'no-finalizer'] } },
    },
    {
      required: ['what', 'reason'],
      properties: { what: text, reason: text, result: { const: 'not-released' } },
    },
    { properties: { result: { const: 'nothing-held' } } },
  ],
};

describe('with the rights of deploy/rbac.yaml alone, strict mode', () => {
  test('says at its start what is missing, and the watcher sends all the same', async () => {
    const { uid } = await newRemediation();
    startWatcher();
    await untilReported(`${uid} phase Pending`);
    const about = (): string[] =>
      logged.map(({ msg }) => String(msg)).filter((line) => line.includes('may not patch'));
    await until(() => about().length > 0, 'it is said', DEADLINE_MS);
    expect(about()).toEqual([
      'strict mode may not patch remediationrequests.kubernaut.ai in all namespaces, so they are not held: apply deploy/rbac-strict.yaml for its service account, or take the kind out of REMEDIATION_AUDIT_STRICT_KINDS',
    ]);
  });

  test('an uninstall names what it may not release', async () => {
    const { name } = await newRemediation();
    await world.send('PATCH', `${COLLECTION}/${name}`, { metadata: { finalizers: [FINALIZER] } });
    const { code, output } = await strict('uninstall');
    expect(output).toContain(`1 not released:\n  RemediationRequest default/${name}: patch `);
    expect(output).toContain('403');
    expect(code).toBe(EXIT.failure);
    await world.send('PATCH', `${COLLECTION}/${name}`, { metadata: { finalizers: [] } });
  });
});

describe('with the rights of deploy/rbac-strict.yaml too, strict mode', () => {
  beforeAll(async () => {
    await world.grantRights('deploy/rbac-strict.yaml');
  });

  test('holds a remediation until its end is reported', async () => {
    startWatcher();
    const { name, uid } = await newRemediation();
    await untilHeld(name);
    await world.setPhase(name, 'Completed');
    await untilReported(`${uid} verdict terminal`);
    await until(async () => !(await isHeld(name)), 'it is released', DEADLINE_MS);
    expect(await find(name)).toBeDefined();
    expect(await world.metricOf('finalizer_errors_total', 'cause="forbidden"')).toBe(0);
  });

  test('loses nothing that is deleted while Temporal is away, the API server is killed, and the watcher too', async () => {
    startWatcher();
    const { name, uid } = await newRemediation();
    await untilHeld(name);
    world.record.temporalAway = true;
    await world.setPhase(name, 'Executing');
    await world.delete(name);
    await until(
      () => logged.some(({ msg }) => msg === 'sending a signal to Temporal failed: it is tried again'),
      'Temporal is missed',
      DEADLINE_MS,
    );
    await world.stopWatchers();
    const { apiserver } = world.server;
    apiserver.signal('SIGKILL');
    await apiserver.exited;
    await world.server.restartApiserver();
    expect((await find(name))?.metadata).toMatchObject({ finalizers: [FINALIZER] });
    startWatcher();
    world.record.temporalAway = false;
    await untilGone(name);
    expect(world.record.reported).toContain(`${uid} verdict deleted-before-terminal`);
    expect(world.record.reported).toContain(`${uid} phase Executing`);
  });

  test('lets a deleted remediation go at its deadline', async () => {
    startWatcher({ ...STRICT, holdMs: 3_000 });
    const { name, uid } = await newRemediation();
    await untilHeld(name);
    world.record.temporalAway = true;
    await world.delete(name);
    await untilGone(name);
    await until(() => logged.some(({ msg }) => String(msg).includes('deadline')), 'it is named', DEADLINE_MS);
    expect(world.record.reported.has(`${uid} deleted`)).toBe(false);
    expect(await world.metricOf('unrecorded_releases_total')).toBe(1);
    world.record.temporalAway = false;
    await untilReported(`${uid} verdict deleted-before-terminal`);
  });

  test('gives way at once to a release by name, while the watcher runs and Temporal is away', async () => {
    startWatcher();
    const [deleted, open] = [await newRemediation(), await newRemediation()];
    await untilHeld(deleted.name);
    await untilHeld(open.name);
    world.record.temporalAway = true;
    await world.delete(deleted.name);
    const released = await strict(
      'release',
      `default/${deleted.name}`,
      `default/${open.name}`,
      'default/nothing',
    );
    expect(released.output).toContain(`RemediationRequest default/${deleted.name}: released`);
    expect(released.output).toContain('default/nothing: no resource of a kind that is watched has that name');
    expect(released.code).toBe(EXIT.failure);
    await untilGone(deleted.name);
    world.record.temporalAway = false;
    await world.setPhase(open.name, 'Executing');
    await untilReported(`${open.uid} phase Executing`);
    expect(await isHeld(open.name)).toBe(false);
  });

  test('is taken off what is named, with a line of JSON for each', async () => {
    startWatcher();
    const { name } = await newRemediation();
    await untilHeld(name);
    const { code, output } = await strict('release', `default/${name}`, 'default/nobody', '--json');
    const released = { apiVersion: 'remediation-audit/v1', kind: 'StrictRelease' };
    expect(documentsIn(output)).toEqual([
      { ...released, what: `RemediationRequest default/${name}`, result: 'released' },
      { ...released, what: 'default/nobody', result: 'not-released', reason: expect.any(String) as string },
    ]);
    await expectDescribed('release', output);
    expect(code).toBe(EXIT.failure);
    expect(await isHeld(name)).toBe(false);
    const again = await strict('release', `default/${name}`, '--json');
    expect(documentsIn(again.output)).toMatchObject([{ result: 'no-finalizer' }]);
    await expectDescribed('release', again.output);
  });

  test('is taken back from everything by an uninstall, also where nothing runs', async () => {
    startWatcher();
    const held = [await newRemediation(), await newRemediation(), await newRemediation()];
    for (const { name } of held) await untilHeld(name);
    await world.stopWatchers();
    await world.delete(held[0]?.name ?? '');
    expect(await isHeld(held[0]?.name ?? '')).toBe(true);
    const { code, output } = await strict('uninstall', '--json');
    expect(documentsIn(output).at(-1)).toMatchObject({ result: 'nothing-held' });
    expect(documentsIn(output).length).toBeGreaterThan(held.length);
    await expectDescribed('uninstall', output);
    expect(code).toBe(EXIT.ok);
    expect((await strict('uninstall')).output).toContain(
      'nothing carries the finalizer of strict mode any more\n',
    );
    expect(await find(held[0]?.name ?? '')).toBeUndefined();
    expect(await Promise.all(held.map(({ name }) => isHeld(name)))).toEqual([false, false, false]);
    expect((await strict('release')).code).toBe(EXIT.usage);
  });
});
