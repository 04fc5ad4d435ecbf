import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;
/** Of the time that is spent waiting, as it goes on: who asks a server for a minute need not know it to the hundredth of a second. */
const SHARE_OF_WAIT = 20;
/** As many times as long as the condition took: asking takes a sixth of the time at most, and leaves the processor to what is waited for. */
const TIMES_OF_CONDITION = 5;
const LONGEST_POLL_MS = 200;
/** Long, because nothing waits for it but a failure, and shorter than the time limit of a test. */
const DEADLINE_MS = 110_000;

/** Waits for a condition; fails with its name when the deadline passes. A function gives the name late, with what is there. */
export async function until(
  condition: () => Promise<boolean> | boolean,
  what: string | (() => string),
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const [since, deadline] = [performance.now(), Date.now() + deadlineMs];
  for (;;) {
    const asked = performance.now();
    const found = condition();
    if (await found) return;
    if (Date.now() > deadline) {
      const name = typeof what === 'string' ? what : what();
      throw new Error(`waited ${deadlineMs / 1_000} s in vain until ${name}`);
    }
    await delay(typeof found === 'boolean' ? POLL_MS : pauseMs(performance.now() - asked, asked - since));
  }
}

/** What only looks into this process costs nothing; a server that is asked every 20 ms is kept busy by that alone. */
function pauseMs(tookMs: number, waitedMs: number): number {
  const wanted = Math.max(TIMES_OF_CONDITION * tookMs, waitedMs / SHARE_OF_WAIT);
  return Math.min(LONGEST_POLL_MS, Math.max(POLL_MS, wanted));
}
