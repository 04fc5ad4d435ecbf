import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { ServiceWorld } from '../support/service-world.ts';
import { until } from '../support/until.ts';
import type { RunningProgram } from '../support/up.ts';

const DEADLINE_MS = 120_000;
/** Of one process and one outage: it begins, it goes on, it ends. */
const MOST_LINES = 3;
/** Without gathering, each of these calls was a line of three kilobytes. */
const LEAST_FAILED = 30;
/** Twenty in a round of outages are as good as a hundred, and leave the processor to what is looked at. */
const PAUSE_MS = 200;

type Service = 'work' | 'watch' | 'serve';
interface Line {
  readonly msg: string;
  readonly away?: string;
  readonly back?: string;
  readonly reason?: string;
  readonly seconds?: number;
  readonly failed?: Readonly<Record<string, number>>;
}

let world: ServiceWorld;
let programs: Readonly<Record<Service, RunningProgram>>;
let load: { end: () => Promise<void> };

beforeAll(async () => {
  world = await ServiceWorld.create();
  programs = { work: world.startWork(), watch: world.startWatch(), serve: world.startServe() };
  await Promise.all(Object.values(programs).map((program) => world.untilStarted(program)));
  load = keepBusy(world.urlOf(programs.serve));
});
afterAll(async () => {
  await load.end();
  await world[Symbol.asyncDispose]();
});

/** New remediations, posts and questions, all the time. */
function keepBusy(api: string): { end: () => Promise<void> } {
  let isOver = false;
  const send = async (init: RequestInit, path: string): Promise<void> => {
    await (await fetch(`${api}/api/v1/${path}`, init)).text();
  };
  const work = async (): Promise<void> => {
    for (let number = 0; !isOver; number += 1) {
      const body = JSON.stringify({ execution_id: `e-${number}`, success: true });
      const headers = { 'content-type': 'application/json' };
      const name = `rr-${number}`;
      await Promise.allSettled([
        world.cluster.create(name).then(() => world.cluster.setPhase(name, 'Executing')),
        send({ method: 'POST', headers, body }, 'audit/kubernetes-execution'),
        send({}, 'remediations'),
        delay(PAUSE_MS),
      ]);
    }
  };
  const working = work();
  return {
    end: () => {
      isOver = true;
      return working;
    },
  };
}

/** What each process writes from now on. */
function listen(): (service: Service) => readonly Line[] {
  const from = new Map(Object.entries(programs).map(([name, program]) => [name, program.output().length]));
  return (service) =>
    programs[service]
      .output()
      .slice(from.get(service))
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);
}

async function untilAllSay(
  services: readonly Service[],
  lines: (service: Service) => readonly Line[],
  field: Readonly<Partial<Line>>,
): Promise<void> {
  const [[name, value]] = Object.entries(field) as [[keyof Line, unknown]];
  await until(
    () => services.every((service) => lines(service).some((line) => line[name] === value)),
    () => `all say ${JSON.stringify(field)}: ${JSON.stringify(services.map(lines)).slice(0, 3_000)}`,
    DEADLINE_MS,
  );
}

/** The library of the worker says of each task that took five seconds that it did: of a busy machine, and of no outage. */
const SLOW_TASK = '[TMPRL1104]';

/** What comes behind the end is about the work that had waited. */
function expectFewLines(all: readonly Line[], server: string): Line {
  const aboutIt = all.filter(({ msg }) => !msg.startsWith(SLOW_TASK));
  const said = aboutIt.slice(0, aboutIt.findIndex(({ back }) => back === server) + 1);
  expect(said.length, JSON.stringify(said)).toBeLessThanOrEqual(MOST_LINES);
  const [begin] = said;
  const end = said.at(-1);
  if (begin === undefined || end === undefined) throw new Error('nothing was said');
  expect(begin).toMatchObject({ away: server, reason: expect.any(String) as string });
  expect(begin.msg).toMatch(/ does not answer: .+; (start|see) /);
  expect(end).toMatchObject({ back: server });
  expect(end.msg).toMatch(/ answers again$/);
  expect(end.seconds).toBeGreaterThan(0);
  return end;
}

const failedIn = ({ failed = {} }: Line): number =>
  Object.values(failed).reduce((sum, count) => sum + count, 0);

test('an outage of the database is a few lines of each process', { timeout: 3 * DEADLINE_MS }, async () => {
  const services = ['work', 'watch', 'serve'] as const;
  const lines = listen();
  await world.stopPostgres();
  await untilAllSay(services, lines, { away: 'database' });
  // As long as it takes for each process to have met it many times.
  const metric = 'remediation_audit_recording_errors_total';
  const failures = async (): Promise<number> => {
    const text = await (await fetch(`${world.urlOf(programs.work)}/metrics`)).text();
    return Number(new RegExp(`^${metric} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  };
  await until(async () => (await failures()) > LEAST_FAILED, 'recording has failed many times', DEADLINE_MS);
  await world.startPostgres();
  await untilAllSay(services, lines, { back: 'database' });
  const ends = services.map((service) => expectFewLines(lines(service), 'database'));
  for (const end of ends) expect(failedIn(end)).toBeGreaterThan(0);
  expect(ends.map(failedIn).reduce((sum, count) => sum + count)).toBeGreaterThan(LEAST_FAILED);
  expect(programs.work.output()).not.toContain('taskToken');
});

test('an outage of Temporal is a few lines of each process', { timeout: 3 * DEADLINE_MS }, async () => {
  const services = ['work', 'watch'] as const;
  const lines = listen();
  await world.stopTemporal();
  await untilAllSay(services, lines, { away: 'temporal' });
  await world.startTemporal();
  await untilAllSay(services, lines, { back: 'temporal' });
  for (const service of services) expectFewLines(lines(service), 'temporal');
  expect(lines('serve')).toEqual([]);
});

test('an outage of the API server is a few lines of the watcher', { timeout: 3 * DEADLINE_MS }, async () => {
  const lines = listen();
  const { apiserver } = world.cluster.server;
  apiserver.signal('SIGKILL');
  await apiserver.exited;
  await untilAllSay(['watch'], lines, { away: 'cluster test' });
  await world.cluster.server.restartApiserver();
  await untilAllSay(['watch'], lines, { back: 'cluster test' });
  expectFewLines(lines('watch'), 'cluster test');
});
