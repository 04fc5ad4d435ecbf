import { afterAll, beforeAll, expect, test } from 'vitest';

import { inspectRecords } from '../support/record-checks.ts';
import type { RecordedRemediation } from '../support/service-world.ts';
import { ServiceWorld } from '../support/service-world.ts';
import { until } from '../support/until.ts';
import type { RunningProgram } from '../support/up.ts';
import { CONTROLLER } from '../support/watcher-apiserver.ts';

const DEADLINE_MS = 90_000;

interface Written {
  readonly name: string;
  readonly uid: string;
  /** What the record must say in the end. */
  expected: RecordedRemediation;
}

let world: ServiceWorld;
/** Everything that any test has written: the record must hold that and nothing else. */
const written: Written[] = [];

/** For all tests but the one that needs nobody working. */
let work: RunningProgram;

beforeAll(async () => {
  world = await ServiceWorld.create();
  work = world.startWork();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function create(): Promise<Written> {
  const name = `rr-${written.length}`;
  const uid = await world.cluster.create(name);
  const expected = { phase: null, verdict: null, isDeleted: false, finalStateUnknown: null };
  const remediation = { name, uid, expected };
  written.push(remediation);
  return remediation;
}

async function setPhase(remediation: Written, phase: string): Promise<void> {
  await world.cluster.setPhase(remediation.name, phase);
  const verdict = phase === 'Completed' || phase === 'Failed' ? 'terminal' : null;
  remediation.expected = { ...remediation.expected, phase, verdict };
}

async function remove(remediation: Written): Promise<void> {
  await world.cluster.delete(remediation.name);
  const verdict = remediation.expected.verdict ?? 'deleted-before-terminal';
  remediation.expected = { ...remediation.expected, verdict, isDeleted: true };
}

const workflowIds = async (): Promise<readonly string[]> => {
  const ids: string[] = [];
  for await (const { workflowId } of world.client.workflow.list()) ids.push(workflowId);
  return ids.filter((id) => id.startsWith('test/'));
};
const workflowIdOf = ({ name, uid }: Written): string => `test/default/${name}/${uid}`;

function differences(recorded: ReadonlyMap<string, RecordedRemediation>): string[] {
  const wrong = written.flatMap(({ name, uid, expected }) => {
    const found = recorded.get(uid);
    const isRight =
      found !== undefined &&
      found.phase === expected.phase &&
      (found.verdict === 'open' ? null : found.verdict) === expected.verdict &&
      found.isDeleted === expected.isDeleted;
    return isRight ? [] : [`${name} is ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`];
  });
  const uids = new Set(written.map(({ uid }) => uid));
  return [...wrong, ...[...recorded.keys()].filter((uid) => !uids.has(uid)).map((uid) => `phantom ${uid}`)];
}

/** Who wrote the states that have a phase, as the ledger has it. */
async function actorsOfPhases(): Promise<readonly string[]> {
  const pool = world.ownerPool();
  const { rows } = await pool.query<{ actor: string }>(
    `select distinct actor from audit_ledger where canonical like '%"overall_phase"%'
       and canonical not like '%"deleted_at"%'`,
  );
  await pool.end();
  return rows.map(({ actor }) => actor);
}

/** The set of verdicts is the set of what was written; one workflow each; nothing twice in effect. */
async function expectAllRecorded(...programs: readonly RunningProgram[]): Promise<void> {
  let wrong: readonly string[] = [];
  await until(
    async () => {
      wrong = differences(await world.recorded());
      return wrong.length === 0;
    },
    () =>
      `all is recorded: ${wrong.join('; ')}; ${programs.map((one) => one.output().slice(-1_500)).join('\n')}`,
    DEADLINE_MS,
  );
  const pool = world.ownerPool();
  const { contradictions } = await inspectRecords(pool);
  await pool.end();
  expect(contradictions).toEqual([]);
  expect(new Set(await workflowIds())).toEqual(new Set(written.map(workflowIdOf)));
}

test('two watchers, Temporal away and PostgreSQL away: each remediation has one workflow and its verdict', async () => {
  const watchers = [world.startWatch(), world.startWatch()];
  await Promise.all([work, ...watchers].map((program) => world.untilStarted(program)));
  const [ended, deleted, open] = [await create(), await create(), await create()];
  for (const one of [ended, deleted, open]) await setPhase(one, 'Executing');
  await expectAllRecorded(work, ...watchers);

  await world.stopTemporal();
  await setPhase(ended, 'Completed');
  await remove(deleted);
  const unseen = await create();
  await setPhase(unseen, 'Failed');
  await remove(unseen);
  await setPhase(open, 'Verifying');
  await world.startTemporal();
  await expectAllRecorded(work, ...watchers);

  await world.stopPostgres();
  await remove(ended);
  await setPhase(open, 'Completed');
  const late = await create();
  await setPhase(late, 'Analyzing');
  await world.startPostgres();
  await expectAllRecorded(work, ...watchers);
  expect(await actorsOfPhases()).toEqual([CONTROLLER]);
  for (const { finalStateUnknown } of (await world.recorded()).values())
    expect(finalStateUnknown).not.toBe(true);
  await Promise.all(watchers.map((program) => world.kill(program, 'SIGTERM')));
});

test('a watcher that is killed at every step misses nothing', async () => {
  let watch = world.startWatch();
  const killAndStart = async (): Promise<void> => {
    await world.kill(watch);
    watch = world.startWatch();
  };
  const one = await create();
  const isSignalled = async (): Promise<boolean> => (await workflowIds()).includes(workflowIdOf(one));
  // While it starts, and once it has.
  await killAndStart();
  await world.untilStarted(watch);
  await killAndStart();
  // As soon as Temporal has its first signal: whether that signal was acknowledged, nobody knows.
  await until(isSignalled, 'it is signalled', DEADLINE_MS);
  await killAndStart();
  await setPhase(one, 'Executing');
  await expectAllRecorded(watch);
  // Between a change and its signal.
  await setPhase(one, 'Completed');
  await killAndStart();
  const other = await create();
  await setPhase(other, 'Executing');
  await expectAllRecorded(watch);
  // Before, and while nobody watches.
  await remove(one);
  await world.kill(watch);
  await remove(other);
  watch = world.startWatch();
  await expectAllRecorded(watch);
  await world.kill(watch);
});

test('what a terminated run had taken and not recorded is signalled again, also of what is gone', async () => {
  await world.kill(work);
  const watch = world.startWatch();
  await world.untilStarted(watch);
  const [kept, gone] = [await create(), await create()];
  const signalsOf = async (one: Written): Promise<number> => {
    const { events } = await world.client.workflow.getHandle(workflowIdOf(one)).fetchHistory();
    return (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes).length;
  };
  // Progress and closure, and of what is gone its deletion: nobody works, so all of it waits in the run.
  const isReported = async (one: Written, signals: number): Promise<boolean> =>
    (await workflowIds()).includes(workflowIdOf(one)) && (await signalsOf(one)) >= signals;
  // What goes before the first list has come is never seen at all.
  await until(
    async () => (await isReported(kept, 1)) && (await isReported(gone, 1)),
    'both are seen',
    DEADLINE_MS,
  );
  for (const one of [kept, gone]) await setPhase(one, 'Completed');
  await remove(gone);
  await until(
    async () => (await isReported(kept, 2)) && (await isReported(gone, 3)),
    'both are reported',
    DEADLINE_MS,
  );
  for (const one of [kept, gone]) await world.client.workflow.getHandle(workflowIdOf(one)).terminate('test');
  work = world.startWork();
  await expectAllRecorded(watch, work);
  const recorded = await world.recorded();
  expect(recorded.get(gone.uid)).toMatchObject({ phase: 'Completed', finalStateUnknown: false });
  await world.kill(watch);
});

test('one process watches several clusters, and one that is away holds back nothing of the others', async () => {
  const KUBECONFIG = await world.writeTwoContexts();
  const watch = world.startWatch({ KUBECONFIG, REMEDIATION_AUDIT_CLUSTERS: 'east=away,west=there' });
  await world.untilStarted(watch);
  const one = await create();
  await until(async () => (await world.recorded('west')).has(one.uid), 'it is recorded', DEADLINE_MS);
  const metrics = await (await fetch(`${world.urlOf(watch)}/metrics`)).text();
  expect(metrics).toMatch(/watch_ends_total\{cluster="east",kind="Namespace",cause="connection"\}/);
  expect((await fetch(`${world.urlOf(watch)}/readyz`)).status).toBe(503);
  expect((await world.recorded('east')).size).toBe(0);
  await world.kill(watch);
});

test('a watcher that no cluster answers ends with exit code 5, so that it is started anew', async () => {
  const KUBECONFIG = await world.writeTwoContexts();
  const watch = world.startWatch({ KUBECONFIG, REMEDIATION_AUDIT_CLUSTER_SILENCE_SECONDS: '1' });
  expect(await watch.exited).toBe(5);
  expect(watch.output()).toContain('no cluster answered a list or a watch');
});
