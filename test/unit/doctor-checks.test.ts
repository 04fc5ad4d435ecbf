import { setTimeout as delay } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { ok, runChecks } from '../../src/doctor/check.ts';

const LIMIT_MS = 1;

test('a check with a longer limit of its own is waited for when the others have run out of time', async () => {
  const othersEnded = Promise.withResolvers<undefined>();
  const neverAnswers = {
    name: 'silent server',
    remedy: 'start it',
    run: (signal: AbortSignal) => {
      signal.addEventListener('abort', () => {
        othersEnded.resolve(undefined);
      });
      return new Promise<never>(() => undefined);
    },
  };
  const answersLater = {
    ...{ name: 'busy server', remedy: '', limitMs: 600_000 },
    run: async () => {
      await othersEnded.promise;
      // Behind the timer of the common limit, which was set before this one.
      await delay(LIMIT_MS);
      return ok('answers');
    },
  };
  expect(await runChecks([neverAnswers, answersLater], new AbortController().signal, LIMIT_MS)).toEqual([
    { check: 'silent server', state: 'wrong', found: 'no answer within 0.001 s', remedy: 'start it' },
    { check: 'busy server', state: 'ok', found: 'answers' },
  ]);
});
