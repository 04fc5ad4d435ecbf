import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { withProgress } from '../../src/terminal/progress.ts';

let written: string[];

beforeEach(() => {
  written = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const terminal = (columns?: number) => ({
  isTTY: true,
  ...(columns === undefined ? {} : { columns }),
  write: (text: string) => written.push(text),
});

const CLEAR = '\r\u001b[K';
const options = { stream: terminal(), terminal: 'xterm', what: 'verifying' };

/** Ends after so long, by the clock of the test. */
async function during(milliseconds: number, given: Partial<typeof options> = {}): Promise<void> {
  const work = withProgress({ ...options, ...given }, () => vi.advanceTimersByTimeAsync(milliseconds));
  await work;
}

test('who waits less than two seconds sees nothing', async () => {
  await during(1_900);
  expect(written).toEqual([]);
});

test('then a line says how long, and goes away at the end', async () => {
  await during(3_500);
  expect(written).toEqual([`${CLEAR}verifying: 2 s`, `${CLEAR}verifying: 3 s`, CLEAR]);
});

test('it goes away when the work fails, and the failure stays what it was', async () => {
  const failed = withProgress(options, async () => {
    await vi.advanceTimersByTimeAsync(2_500);
    throw new Error('no such month');
  });
  await expect(failed).rejects.toThrow('no such month');
  expect(written.at(-1)).toBe(CLEAR);
});

test('it names what is done now, cut to the terminal, and obeys nothing of it', async () => {
  await withProgress({ ...options, stream: terminal(40) }, async ({ doing }) => {
    doing(`2026-03/part-\u001b[31m-${'x'.repeat(80)}`);
    await vi.advanceTimersByTimeAsync(2_100);
  });
  expect(written[0]).toBe(`${CLEAR}verifying: 2 s, 2026-03/part-\ufffd[31m-xxx…`);
});

test('whoever writes clears it first, and it comes back', async () => {
  await withProgress(options, async ({ clear }) => {
    await vi.advanceTimersByTimeAsync(2_100);
    clear();
    clear();
    await vi.advanceTimersByTimeAsync(1_000);
  });
  expect(written).toEqual([`${CLEAR}verifying: 2 s`, CLEAR, `${CLEAR}verifying: 3 s`, CLEAR]);
});

describe('nothing is written', () => {
  test('in a pipe', async () => {
    await during(9_000, { stream: { ...terminal(), isTTY: false } });
    expect(written).toEqual([]);
  });

  test('on a terminal that cannot clear a line', async () => {
    await during(9_000, { terminal: 'dumb' });
    expect(written).toEqual([]);
  });
});
