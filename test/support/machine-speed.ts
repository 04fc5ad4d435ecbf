/*
 * Limits of processor time that are true on a slow machine: each limit was set on one machine, and is as much longer as this one
 * takes for other work.
 */

/** What `work` takes on the machine on which the limits were set. */
const USUAL_WORK_MS = 50;
const ATTEMPTS = 5;
const MICROSECONDS_PER_MS = 1_000;

/** Reads ten megabytes, letter by letter. */
function work(): number {
  const text = 'lorem a1 ipsum z2 dolor '.repeat(400_000);
  let sum = 0;
  for (let index = 0; index < text.length; index += 1) sum = (sum * 31 + text.charCodeAt(index)) | 0;
  return sum;
}

/** Time of this thread alone: what others do on the machine does not count. */
export function processorMs(run: () => unknown): number {
  const before = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / MICROSECONDS_PER_MS;
}

/** The shortest of several times: compiling, collecting garbage and a busy neighbour make one run slow, and not the same each time. */
export function shortest(attempts: number, run: () => number): number {
  return Math.min(...Array.from({ length: attempts }, run));
}

/** How many times longer this machine takes; 1 for one that is faster. */
export function slownessOfMachine(): number {
  return Math.max(1, shortest(ATTEMPTS, () => processorMs(work)) / USUAL_WORK_MS);
}
