import { setTimeout as delay } from 'node:timers/promises';

import { STORE_ATTEMPTS } from '../../domain/limits.ts';
import { classifyError } from '../sqlstate.ts';

const FIRST_PAUSE_MS = 10;

/**
 * Runs work again a few times when it lost a race: a deadlock, a lock that was not free, another session that made the
 * same month. Longer trouble is thrown to whoever can wait longer.
 */
export async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error: unknown) {
      if (attempt === STORE_ATTEMPTS || classifyError(error) !== 'contention') throw error;
      await delay(FIRST_PAUSE_MS * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}
