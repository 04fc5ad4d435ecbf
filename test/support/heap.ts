import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Worker } from 'node:worker_threads';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Threads that were started since this was imported and have not ended, such as those in which workflows run. */
const threads = new Set<Worker>();
process.on('worker', (thread: Worker) => {
  threads.add(thread);
  thread.once('exit', () => threads.delete(thread));
});

/** What the heap of this thread holds when nothing is left to be collected. */
export function heldBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** The same of all other threads of this process together; takes seconds. */
export async function heldBytesOfThreads(): Promise<number> {
  const each = await Promise.all(
    [...threads].map(async (thread) => {
      // Before a snapshot is taken the garbage is collected; there is no other way to ask another thread for that.
      await pipeline(
        await thread.getHeapSnapshot(),
        new Writable({
          write: (_chunk, _encoding, done) => {
            done();
          },
        }),
      );
      return (await thread.getHeapStatistics()).used_heap_size;
    }),
  );
  return each.reduce((sum, bytes) => sum + bytes, 0);
}
