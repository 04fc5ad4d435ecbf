import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestApi } from '../support/api.ts';
import { RecordedCluster } from '../support/recorded-cluster.ts';
import { until } from '../support/until.ts';

/** `SOAK=1 FLAP_SECONDS=600 npx vitest run --project temporal test/temporal/flapping.soak.test.ts` flaps for ten minutes, as in life. */
const FLAP_SECONDS = Number(process.env['FLAP_SECONDS'] ?? 20);
const COALESCE_MS = Math.min(60_000, (FLAP_SECONDS * 1_000) / 4);
/** From when a state is sent until its row is there, on a busy machine. */
const RECORDING_MS = 20_000;
/** Before a resource is known to flap each of its changes is recorded. */
const MOST_SINGLE_ENTRIES = 40;
const LIFE_SECONDS = 720;
const DEADLINE_MS = 120_000;

interface Coalesced {
  readonly changes: number;
  readonly from: string;
  readonly to: string;
}
interface FlapEntry {
  readonly version: string;
  readonly coalesced: Coalesced | undefined;
}

const warnings: string[] = [];
let cluster: RecordedCluster;
let api: FastifyInstance;

beforeAll(async () => {
  cluster = await RecordedCluster.create();
  api = createTestApi(cluster.stage.database);
});
afterAll(async () => {
  await api.close();
  await cluster[Symbol.asyncDispose]();
});

/** The one notification that is written more often than anything else. */
function flappingResource(): { readonly uid: string; readonly name: string } | undefined {
  const byUid = Map.groupBy(cluster.writes, ({ object }) => object.metadata.uid);
  const most = [...byUid.values()].find((writes) => writes.length > 2 * MOST_SINGLE_ENTRIES)?.at(-1)?.object;
  return most?.metadata;
}

const writesOf = (uid: string) => cluster.writes.filter(({ object }) => object.metadata.uid === uid);

async function entriesOf(uid: string): Promise<FlapEntry[]> {
  const versions = writesOf(uid).map(({ version }) => String(version));
  const { rows } = await cluster.stage.database.owner.query<{ version: string; coalesced: string | null }>(
    `select source_version::text as version, canonical::jsonb #>> '{extra,coalesced}' as coalesced
     from audit_ledger where source_version = any($1::bigint[]) order by source_version`,
    [versions],
  );
  return rows.map(({ version, coalesced }) => ({
    version,
    coalesced: coalesced === null ? undefined : (JSON.parse(coalesced) as Coalesced),
  }));
}

async function endedOthers(): Promise<number> {
  const { rows } = await cluster.stage.database.owner.query<{ ended: number }>(
    `select count(*)::integer as ended from remediation_audit where verdict = 'terminal'`,
  );
  return rows[0]?.ended ?? 0;
}

test(
  `a status that flaps for ${FLAP_SECONDS} s is recorded in entries that say how many changes they stand for, and named`,
  { timeout: FLAP_SECONDS * 1_000 + 300_000 },
  async () => {
    const logger = pino(
      { level: 'warn' },
      {
        write: (line: string) => {
          warnings.push(line);
        },
      },
    );
    await cluster.watch({ coalesceMs: COALESCE_MS }, logger);
    let isOver = false;
    const flapping = cluster
      .play({
        ...{ branches: ['notification-flapping'], seed: 2, count: 1, concurrency: 1, speed: 400 },
        flapMs: FLAP_SECONDS * 1_000,
      })
      .finally(() => {
        isOver = true;
      });
    await until(() => flappingResource() !== undefined, 'a status flaps', DEADLINE_MS);
    const { uid = '', name = '' } = flappingResource() ?? {};
    const others = cluster.play({
      ...{ branches: ['remediated'], seed: 3, count: 3, concurrency: 3, burst: true },
      speed: (4 * LIFE_SECONDS) / FLAP_SECONDS,
    });
    const lags: number[] = [];
    let exposed = '';
    let endedMeanwhile = 0;
    await until(
      async () => {
        lags.push(await lagOf(uid));
        const metrics = await cluster.metrics.registry.metrics();
        if (/^\S*flapping_resources\{.*\} 1$/m.test(metrics)) exposed = metrics;
        endedMeanwhile = await endedOthers();
        return isOver;
      },
      'it has flapped',
      FLAP_SECONDS * 1_000 + DEADLINE_MS,
    );
    await Promise.all([flapping, others]);
    expect(endedMeanwhile).toBeGreaterThan(0);
    // Its newest state was due within the interval, always.
    expect(Math.max(...lags)).toBeLessThan(COALESCE_MS + RECORDING_MS);
    expect(exposed).toMatch(/watch_flapping_resources\{cluster="[^"]+",kind="[A-Za-z]+"\} 1/);
    // Metrics are for anybody: no name of a resource is in them.
    expect(exposed).not.toContain(name);
    const named = warnings.filter(
      (line) => line.includes('changes more than 20 times') && line.includes(name),
    );
    expect(named).toHaveLength(1);

    const written = writesOf(uid);
    const newest = String(written.at(-1)?.version);
    const isNewestRecorded = async (): Promise<boolean> => (await entriesOf(uid)).at(-1)?.version === newest;
    await until(isNewestRecorded, 'its last state is recorded', COALESCE_MS + DEADLINE_MS);
    const entries = await entriesOf(uid);
    const coalesced = entries.flatMap((entry) => entry.coalesced ?? []);
    expect(coalesced.length).toBeGreaterThan(2);
    expect(entries.length - coalesced.length).toBeLessThan(MOST_SINGLE_ENTRIES);
    // Every change is an entry, or is counted in one. Some writes change nothing that is recorded.
    const changes = entries.length - coalesced.length + sumOf(coalesced.map((one) => one.changes));
    expect(changes).toBeGreaterThan(written.length * 0.9);
    expect(changes).toBeLessThanOrEqual(written.length + coalesced.length);
    expect(await timelineOf(name)).toEqual(expect.arrayContaining(coalesced));
  },
);

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);

/** What the timeline of the remediation says of coalesced changes. */
async function timelineOf(name: string): Promise<Coalesced[]> {
  const answer = await api.inject(`/api/v1/remediations/${cluster.name}/kubernaut-system/${name}?view=full`);
  expect(answer.statusCode).toBe(200);
  const { timeline } = answer.json<{
    timeline: { content: { extra?: string | { coalesced?: Coalesced } } }[];
  }>();
  return timeline.flatMap(({ content: { extra } }) => {
    const said = typeof extra === 'string' ? (JSON.parse(extra) as { coalesced?: Coalesced }) : extra;
    return said?.coalesced ?? [];
  });
}

/** How old the newest of its states is that is recorded. */
async function lagOf(uid: string): Promise<number> {
  const newest = Number((await entriesOf(uid)).at(-1)?.version ?? 0);
  const next = writesOf(uid).find(({ version }) => version > newest);
  return next === undefined ? 0 : Date.now() - next.atMs;
}
