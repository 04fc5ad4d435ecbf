import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type EmbeddedDatabase, prepareDatabase } from '../../dev/servers/postgres/database.ts';
import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { randomDeliveries, randomHistory } from '../support/histories.ts';
import { isGone } from '../support/processes.ts';
import { chooseSeed, type Random, seededRandom } from '../support/random.ts';
import { entryKeyOf, inspectRecords } from '../support/record-checks.ts';
import { repositoryPath } from '../support/repository.ts';
import { cacheDir } from '../support/servers.ts';
import { sizeOf } from '../support/soak.ts';

/** Records per table; `CASES` in the environment raises it for a long run. */
const CASES = Number(process.env['CASES'] ?? 120);
const KILLS = sizeOf('KILLS', { usual: 2, soak: 12 });
const WRITER_PROCESSES = 3;
const LARGEST_FLUSH = 12;
const DEADLINE_MS = 300_000;
const RETRY_MS = 20;
/** A flush takes some milliseconds: a kill meets it in any of its statements, or between two. */
const LATEST_KILL_MS = 15;

const log = createLogger('silent', 'test');
let dataDir: string;
let postgres: EmbeddedPostgres;
let database: EmbeddedDatabase;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-kill-'));
  postgres = await start(0);
  // No month ahead: the histories begin in months that are made under fire.
  database = await prepareDatabase(postgres, 0, log);
});
afterAll(async () => {
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

/** fsync stays on: what is acknowledged must be on disk. */
const start = (port: number): Promise<EmbeddedPostgres> =>
  startPostgres({ dataDir, port, cacheDir, report: () => undefined });

/** What is still to be stored, and what was acknowledged. Whatever a dead writer was at goes back to the front. */
class Work {
  readonly acknowledged: Observation[] = [];
  readonly flushes: number;
  settled = 0;
  /** Why the last flush that was not stored was not, for whoever finds that the writers do not get on. */
  trouble: unknown;
  readonly #waiting: Observation[][];
  #stopped = false;

  constructor(flushes: Observation[][]) {
    this.#waiting = flushes;
    this.flushes = flushes.length;
  }

  isDone(): boolean {
    return this.#stopped || this.settled === this.flushes;
  }
  stop(): void {
    this.#stopped = true;
  }
  /** The next flush; undefined once nothing is left. What others are at may come back, so that is waited for. */
  async take(): Promise<Observation[] | undefined> {
    while (!this.isDone()) {
      const flush = this.#waiting.shift();
      if (flush !== undefined) return flush;
      await delay(RETRY_MS);
    }
    return undefined;
  }
  giveBack(flush: Observation[], trouble: unknown): void {
    this.#waiting.unshift(flush);
    this.trouble = trouble;
  }
  acknowledge(flush: Observation[]): void {
    this.acknowledged.push(...flush);
    this.settled += 1;
  }
}

function inFlushes(deliveries: readonly Observation[], random: Random): Observation[][] {
  const flushes: Observation[][] = [];
  for (let from = 0; from < deliveries.length; from += flushes.at(-1)?.length ?? 0) {
    flushes.push(deliveries.slice(from, from + 1 + random.below(LARGEST_FLUSH)));
  }
  return flushes;
}

type Writer = ChildProcessByStdio<Writable, Readable, null>;

/** A writer process that may be killed at any moment, and that ends by itself when the database is lost. */
function startWriter(): Writer {
  const script = repositoryPath('test/support/writer-process.ts');
  const stdio: ['pipe', 'pipe', 'ignore'] = ['pipe', 'pipe', 'ignore'];
  const child = spawn(process.execPath, [script, database.writerUrl, '1'], { stdio });
  // A writer that is gone cannot read: its end is what counts, and that is seen by its answers.
  child.stdin.on('error', () => undefined);
  return child;
}

/** Feeds one writer process after another, one flush at a time, until everything is acknowledged. */
async function keepWriting(work: Work, started: (child: Writer) => void): Promise<void> {
  while (!work.isDone()) {
    const child = startWriter();
    const ended = once(child, 'exit');
    started(child);
    try {
      await feed(work, child);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  }
}

/** Until there is no more work, or no more writer. */
async function feed(work: Work, { stdin, stdout }: Writer): Promise<void> {
  const answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
  for (let flush = await work.take(); flush !== undefined; flush = await work.take()) {
    stdin.write(`${JSON.stringify(flush)}\n`);
    const answer = await answers.next();
    if (answer.done === true) {
      work.giveBack(flush, 'the writer process is gone');
      return;
    }
    expect(JSON.parse(answer.value)).toHaveLength(flush.length);
    work.acknowledge(flush);
  }
}

/** A writer whose process and pool survive whatever happens to the server. */
async function writeOn(work: Work, pool: pg.Pool): Promise<void> {
  const store = createRecordStore(pool);
  for (let flush = await work.take(); flush !== undefined; flush = await work.take()) {
    const outcomes = await store.record(flush).catch((error: unknown) => {
      work.trouble = error;
      return [];
    });
    if (outcomes.length > 0 && outcomes.every(({ status }) => status === 'stored')) work.acknowledge(flush);
    else {
      work.giveBack(flush, outcomes.find(({ status }) => status === 'refused') ?? work.trouble);
      await delay(RETRY_MS);
    }
  }
}

type Victim = 'server' | 'session' | 'writer';

/** SIGKILL to the server, to one of its sessions, or to a writer process. */
async function kill(victim: Victim, writer: Writer | undefined): Promise<void> {
  switch (victim) {
    case 'server':
      postgres.server.signal('SIGKILL');
      await postgres.server.exited;
      postgres = await start(postgres.port);
      return;
    case 'session':
      await withOwner(killSession);
      return;
    case 'writer':
      writer?.kill('SIGKILL');
  }
}

/** The server takes the loss of one session for damaged memory: it ends all others and recovers. */
async function killSession(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ pid: number }>(
    `select pid from pg_stat_activity where usename = 'audit_writer' order by state = 'active' desc limit 1`,
  );
  for (const { pid } of rows) {
    // It may have ended since; the next kill comes anyway.
    if (!isGone(pid)) process.kill(pid, 'SIGKILL');
  }
}

async function withOwner<T>(work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = poolOf(database.ownerUrl);
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

function poolOf(connectionString: string): pg.Pool {
  return createPool({
    connectionString,
    applicationName: 'kill test',
    statementTimeoutMs: 30_000,
    max: 1,
    pipeline: true,
    logger: log,
  });
}

/** Holds what is there against what was acknowledged before. Retried while the server recovers. */
async function expectNothingLost(work: Work): Promise<void> {
  const promised = work.acknowledged.map(entryKeyOf);
  const { entries, contradictions } = await inspectWhenReady();
  const there = new Set(entries);
  expect(promised.filter((entry) => !there.has(entry))).toEqual([]);
  expect(contradictions).toEqual([]);
}

async function inspectWhenReady(): ReturnType<typeof inspectRecords> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      return await withOwner(inspectRecords);
    } catch (error: unknown) {
      if (Date.now() > deadline) throw error;
      await delay(RETRY_MS);
    }
  }
}

/** Lets the writers get on, kills something at a random moment, and looks; again and again. */
async function killAndLook(
  work: Work,
  writers: readonly (Writer | undefined)[],
  random: Random,
): Promise<void> {
  const victims = random.shuffled(
    Array.from(
      { length: KILLS },
      (_, index) => (['server', 'session', 'writer'] as const)[index % 3] ?? 'server',
    ),
  );
  process.stderr.write(`kills: ${victims.join(', ')}\n`);
  const deadline = Date.now() + DEADLINE_MS;
  for (const [index, victim] of victims.entries()) {
    const enough = Math.floor((work.flushes * (index + 1)) / (KILLS + 2));
    while (work.settled < enough) {
      if (Date.now() > deadline) throw new Error('the writers do not get on', { cause: work.trouble });
      await delay(1);
    }
    await delay(random.below(LATEST_KILL_MS));
    await kill(victim, random.pick(writers));
    await expectNothingLost(work);
  }
}

test(
  `of ${KILLS} times kill -9 of the server, its sessions and its writers no acknowledged record is lost, and every row is the fold of its entries`,
  async () => {
    const random = seededRandom(chooseSeed());
    const histories = RECORD_DEFINITIONS.flatMap((definition) =>
      Array.from({ length: CASES }, (_, index) => randomHistory(definition, `case-${index}`, random)),
    );
    const work = new Work(inFlushes(randomDeliveries(histories, random), random));
    const writers: Writer[] = [];
    const survivor = poolOf(database.writerUrl);
    const writing = Promise.all([
      writeOn(work, survivor),
      ...Array.from({ length: WRITER_PROCESSES }, (_, index) =>
        keepWriting(work, (child) => (writers[index] = child)),
      ),
    ]);
    try {
      await Promise.all([killAndLook(work, writers, random), writing]);
    } finally {
      work.stop();
      await writing;
      await survivor.end();
    }
    await expectNothingLost(work);
    const { entries } = await withOwner(inspectRecords);
    const expected = new Set(histories.flatMap(({ observations }) => observations.map(entryKeyOf)));
    expect(new Set(entries)).toEqual(expected);
    expect(entries).toHaveLength(expected.size);
  },
  DEADLINE_MS + 60_000,
);
