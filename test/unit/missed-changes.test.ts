import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { HOUR_MS } from '../../src/domain/time.ts';
import type { Found } from '../../src/watcher/state/missed-changes.ts';
import { judge, waitForWatch } from '../../src/watcher/state/missed-changes.ts';

const GRACE_MS = 100;
const FOUND_AT = 1_000;

/** What a list or a probe found, and what the watch has shown by the time of the judgement. */
const cases = fc
  .record({
    openedAt: fc.option(fc.constantFrom(10, 20), { nil: undefined }),
    openNow: fc.option(fc.constantFrom(10, 20), { nil: undefined }),
    passedMs: fc.integer({ min: 0, max: 2 * GRACE_MS }),
    resources: fc.uniqueArray(
      fc.record({
        uid: fc.stringMatching(/^[a-f]{1,4}$/),
        found: fc.bigInt({ min: 0n, max: 9n }),
        isMissing: fc.boolean(),
        endedBeforeWatch: fc.boolean(),
        shown: fc.bigInt({ min: -1n, max: 9n }),
        isGone: fc.boolean(),
      }),
      { selector: ({ uid }) => uid, maxLength: 12 },
    ),
  })
  .map(({ resources, ...given }) => {
    const found: Found<string> = {
      openedAt: given.openedAt,
      foundAt: FOUND_AT,
      newer: resources.flatMap(({ uid, found: version, isMissing }) =>
        isMissing ? [] : [{ uid, version, resource: {} }],
      ),
      missing: resources.flatMap(({ uid, found: version, isMissing, endedBeforeWatch }) =>
        isMissing ? [{ uid, version, endedBeforeWatch, tracked: uid }] : [],
      ),
    };
    const byUid = new Map(resources.map((one) => [one.uid, one]));
    const watch = {
      openedAt: given.openNow,
      graceMs: GRACE_MS,
      versionOf: (uid: string) => byUid.get(uid)?.shown ?? -1n,
      isGone: (uid: string) => byUid.get(uid)?.isGone ?? false,
    };
    const now = FOUND_AT + given.passedMs;
    return { resources, found, watch, now, hadItsTime: given.passedMs >= GRACE_MS };
  });

const uidsOf = (those: readonly { readonly uid: string }[]): string[] => those.map(({ uid }) => uid).sort();

describe('of what a list or a probe found', () => {
  test('each newer state the watch has not shown is missed or late, and never both or neither', () => {
    fc.assert(
      fc.property(cases, ({ found, watch, now }) => {
        const { missed, late } = judge(found, watch, now);
        const unseen = found.newer.filter(({ uid, version }) => version > watch.versionOf(uid));
        expect(uidsOf([...missed, ...late])).toEqual(uidsOf(unseen));
      }),
    );
  });

  test('nothing is missed unless the watch that was open before is still open and had its time', () => {
    fc.assert(
      fc.property(cases, ({ found, watch, now, hadItsTime }) => {
        const { missed, late, deleted } = judge(found, watch, now);
        const isSame = found.openedAt !== undefined && found.openedAt === watch.openedAt;
        if (isSame && hadItsTime) expect(late).toEqual([]);
        else expect([missed, deleted.filter(({ isMissed }) => isMissed)]).toEqual([[], []]);
      }),
    );
  });

  test('nothing is called deleted that the watch showed since, or that is known to be gone; all else that is missing is', () => {
    fc.assert(
      fc.property(cases, ({ resources, found, watch, now }) => {
        const deleted = new Set(judge(found, watch, now).deleted.map(({ tracked }) => tracked));
        for (const { uid, isMissing, isGone, shown, found: version } of resources) {
          expect(deleted.has(uid)).toBe(isMissing && !isGone && shown <= version);
        }
      }),
    );
  });

  test('a deletion from before the watch began is never one that it missed', () => {
    fc.assert(
      fc.property(cases, ({ found, watch, now }) => {
        const early = new Set(uidsOf(found.missing.filter(({ endedBeforeWatch }) => endedBeforeWatch)));
        for (const { tracked, isMissed } of judge(found, watch, now).deleted) {
          expect(isMissed && early.has(tracked)).toBe(false);
        }
      }),
    );
  });

  test('the order in which it was found does not matter', () => {
    fc.assert(
      fc.property(cases, ({ found, watch, now }) => {
        const one = judge(found, watch, now);
        const reversed = { newer: found.newer.toReversed(), missing: found.missing.toReversed() };
        const other = judge({ ...found, ...reversed }, watch, now);
        expect(uidsOf(other.missed)).toEqual(uidsOf(one.missed));
        expect(uidsOf(other.late)).toEqual(uidsOf(one.late));
        expect(other.deleted.toReversed()).toEqual(one.deleted);
      }),
    );
  });
});

test('an open watch is given its grace, and one that is being opened again the longest pause on top', async () => {
  const { signal } = new AbortController();
  const foundAt = performance.now();
  const limits = { graceMs: 20, reopenMs: 40, signal };
  await waitForWatch({ openedAt: 7, foundAt }, { ...limits, openedAt: () => 7 });
  expect(performance.now()).toBeGreaterThanOrEqual(foundAt + 20);
  await waitForWatch({ openedAt: 7, foundAt }, { ...limits, openedAt: () => undefined });
  expect(performance.now()).toBeGreaterThanOrEqual(foundAt + 60);
});

test('a stop ends the wait for the watch', async () => {
  const stop = AbortSignal.abort();
  const limits = { graceMs: HOUR_MS, reopenMs: 0, openedAt: () => 7, signal: stop };
  await waitForWatch({ openedAt: 7, foundAt: performance.now() }, limits);
  expect(stop.aborted).toBe(true);
});
