import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;
/** Long, because nothing waits for it but a failure, and shorter than the time limit of a test. */
const DEADLINE_MS = 110_000;

/** Waits for a condition; fails with its name when the deadline passes. A function gives the name late, with what is there. */
export async function until(
  condition: () => Promise<boolean> | boolean,
  what: string | (() => string),
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) {
      const name = typeof what === 'string' ? what : what();
      throw new Error(`waited ${deadlineMs / 1_000} s in vain until ${name}`);
    }
    await delay(POLL_MS);
  }
}
