import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Backoff } from '../../src/watcher/pacing.ts';
import type { FailureScope, WorkResult } from '../../src/watcher/work-queue.ts';
import { WorkQueue } from '../../src/watcher/work-queue.ts';
import { WorkSchedule } from '../../src/watcher/work-schedule.ts';

const BACKOFF = { firstMs: 8, longestMs: 64, random: () => 1 };
const KEYS = ['a', 'b', 'c'] as const;
type Key = (typeof KEYS)[number];

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom('add', 'done', 'failed', 'putBack'), key: fc.constantFrom(...KEYS) }),
    fc.record({ do: fc.constantFrom('delay', 'pause'), key: fc.constantFrom(...KEYS), ms: fc.nat(50) }),
    fc.record({ do: fc.constantFrom('take', 'pass'), ms: fc.nat(20) }),
  ),
  { maxLength: 80, size: 'max' },
);

/** A schedule under random steps, beside what is known to be owed. */
class Model {
  readonly schedule = new WorkSchedule<Key>(() => new Backoff(BACKOFF));
  readonly active = new Set<Key>();
  /** Keys that must be taken once more. */
  readonly owed = new Set<Key>();
  readonly notBefore = new Map<Key, number>();
  now = 0;
  pausedUntil = 0;

  take(): Key | undefined {
    const key = this.schedule.take(this.now);
    if (key === undefined) return undefined;
    expect(this.now).toBeGreaterThanOrEqual(this.pausedUntil);
    expect(this.now).toBeGreaterThanOrEqual(this.notBefore.get(key) ?? 0);
    expect(this.active.has(key)).toBe(false);
    expect(this.owed.delete(key)).toBe(true);
    this.active.add(key);
    return key;
  }

  step(one: { do: string; key?: Key; ms?: number }): void {
    const { key = 'a', ms = 0 } = one;
    if (one.do === 'pass') this.now += ms;
    else if (one.do === 'take') this.take();
    else if (one.do === 'add') {
      this.schedule.add(key);
      this.owed.add(key);
    } else if (one.do === 'pause') {
      this.schedule.pause(this.now + ms);
      this.pausedUntil = Math.max(this.pausedUntil, this.now + ms);
    } else if (this.active.delete(key)) this.#end(one.do, key, ms);
  }

  #end(how: string, key: Key, ms: number): void {
    this.notBefore.delete(key);
    if (how === 'done') {
      this.schedule.done(key);
      return;
    }
    this.owed.add(key);
    if (how === 'putBack') this.schedule.putBack(key);
    if (how === 'delay') this.schedule.delay(key, this.now + ms);
    if (how === 'delay') this.notBefore.set(key, this.now + ms);
    if (how !== 'failed') return;
    this.schedule.failed(key, this.now);
    // The first pause is the shortest.
    this.notBefore.set(key, this.now + BACKOFF.firstMs);
  }

  /** Lets all that is owed be done, going to the time that the schedule names. */
  finish(): void {
    for (const key of [...this.active]) this.step({ do: 'done', key });
    for (let round = 0; round < 4 * KEYS.length; round += 1) {
      const at = this.schedule.nextAt();
      if (at === undefined) return;
      this.now = Math.max(this.now, at);
      const key = this.take();
      expect(key).toBeDefined();
      if (key !== undefined) this.step({ do: 'done', key });
    }
  }
}

describe('a schedule of work', () => {
  test('gives no key twice at a time, none before its time and none while it is paused, whatever happens', () => {
    fc.assert(
      fc.property(steps, (those) => {
        const model = new Model();
        for (const one of those) model.step(one);
      }),
    );
  });

  test('gives in the end every key that was added, failed, put off or put back, and then nothing', () => {
    fc.assert(
      fc.property(steps, (those) => {
        const model = new Model();
        for (const one of those) model.step(one);
        model.finish();
        expect([...model.owed]).toEqual([]);
        expect(model.schedule.nextAt()).toBeUndefined();
      }),
    );
  });

  test('waits twice as long after each failure of a key, and as at first once it was done', () => {
    const schedule = new WorkSchedule<Key>(() => new Backoff(BACKOFF));
    const pauses: number[] = [];
    let now = 0;
    const fail = (): void => {
      schedule.failed(schedule.take(now) ?? 'a', now);
      const at = schedule.nextAt() ?? now;
      pauses.push(at - now);
      now = at;
    };
    schedule.add('a');
    for (let count = 0; count < 5; count += 1) fail();
    schedule.done(schedule.take(now) ?? 'a');
    schedule.add('a');
    fail();
    expect(pauses).toEqual([8, 16, 32, 64, 64, 8]);
  });
});

describe('a work queue', () => {
  interface Call {
    readonly key: string;
    readonly signal: AbortSignal;
    readonly end: (result: WorkResult) => void;
    readonly fail: (error: Error) => void;
  }

  /** A queue whose work ends when the test says so. */
  function createQueue(scopeOf: () => FailureScope = () => 'key') {
    const calls: Call[] = [];
    const failures: [string, number][] = [];
    let arrived = Promise.withResolvers<undefined>();
    const queue = new WorkQueue<string>({
      concurrency: 2,
      reconcile: (key, signal) => {
        const { promise, resolve, reject } = Promise.withResolvers<WorkResult>();
        calls.push({ key, signal, end: resolve, fail: reject });
        arrived.resolve(undefined);
        arrived = Promise.withResolvers();
        return promise;
      },
      scopeOf,
      failed: (key, _error, inARow) => failures.push([key, inARow]),
      backoff: { firstMs: 1, longestMs: 2, random: () => 0 },
    });
    const call = async (index: number): Promise<Call> => {
      for (;;) {
        const found = calls[index];
        if (found !== undefined) return found;
        await arrived.promise;
      }
    };
    return { queue, calls, failures, call };
  }

  test('works on as many keys at a time as it may, and on a key that is added meanwhile once more', async () => {
    const { queue, calls, call } = createQueue();
    for (const key of ['a', 'b', 'a', 'c']) queue.add(key);
    expect(calls).toEqual([]);
    const [first, second] = [await call(0), await call(1)];
    expect([first.key, second.key, calls.length]).toEqual(['a', 'b', 2]);
    queue.add('a');
    first.end('done');
    const third = await call(2);
    second.end('nothing');
    const fourth = await call(3);
    expect([third.key, fourth.key]).toEqual(['c', 'a']);
    third.end('done');
    fourth.end('done');
    await queue.stop();
    expect(calls).toHaveLength(4);
  });

  test('tries a key that failed again by itself, and says how often it failed in a row', async () => {
    const { queue, failures, call } = createQueue();
    queue.add('a');
    (await call(0)).fail(new Error('refused'));
    (await call(1)).fail(new Error('refused'));
    (await call(2)).end('done');
    queue.add('a');
    (await call(3)).fail(new Error('refused'));
    (await call(4)).end('done');
    await queue.stop();
    expect(failures).toEqual([
      ['a', 1],
      ['a', 2],
      ['a', 1],
    ]);
  });

  test('holds all keys back after a failure that all of them would meet, and then goes on', async () => {
    const { queue, failures, call } = createQueue(() => ({ retryAfterMs: undefined }));
    queue.add('a');
    queue.add('b');
    (await call(0)).fail(new Error('away'));
    (await call(1)).end('done');
    const again = await call(2);
    expect([again.key, failures]).toEqual(['a', [['a', 0]]]);
    again.end('done');
    await queue.stop();
  });

  test('begins nothing after a stop, aborts what runs, and waits for it', async () => {
    const { queue, calls, failures, call } = createQueue();
    queue.add('a');
    const { signal, fail } = await call(0);
    const stopped = queue.stop();
    expect(signal.aborted).toBe(true);
    queue.add('b');
    fail(new Error('cut off'));
    await stopped;
    await new Promise((resolve) => setImmediate(resolve));
    expect([calls.length, failures]).toEqual([1, []]);
  });
});
