import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { EventEmitter, on } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import { expect } from 'vitest';

import { SECOND_MS } from '../../src/domain/time.ts';
import type { FuzzedMessage, FuzzedRequest, TakenState } from '../support/fuzzed-process.ts';
import { chooseSeed } from '../support/random.ts';
import { repositoryPath } from '../support/repository.ts';

/** Longest that one input may keep everybody else waiting; on a slow machine as much longer as other work takes there. */
const LONGEST_BLOCK_MS = 500;
/** A collection of garbage or a busy neighbour blocks a process too, but not at the same input each time. */
const BLOCK_ATTEMPTS = 3;
/** How long each way is fuzzed when nobody says so, as in `npm test`. */
const USUAL_SECONDS = 10;
/** Inputs that are made from one seed. */
const CHUNK = 8;
const FOLDER = '.data/fuzz';

/** What `npm run fuzz` hands on. */
const settings = {
  seconds: Number(process.env['FUZZ_SECONDS'] ?? USUAL_SECONDS),
  replay: process.env['FUZZ_REPLAY'],
};

/** The service and the watcher in their own process. */
export class Fuzzed {
  readonly url: string;
  readonly taken = new Map<string, { size: number; isDeleted: boolean }>();
  readonly #child: ChildProcess;
  readonly #limitMs: number;
  readonly #answers = new EventEmitter();
  #exit: string | undefined;

  private constructor(child: ChildProcess, { url, slowness }: { url: string; slowness: number }) {
    this.#child = child;
    this.url = url;
    this.#limitMs = LONGEST_BLOCK_MS * slowness;
    child.on('message', (message: FuzzedMessage) => {
      if ('taken' in message)
        message.taken.forEach((state) => {
          this.#take(state);
        });
      if ('done' in message) this.#answers.emit('done', message.blockedMs);
    });
    child.once('exit', (code, signal) => {
      this.#exit = `the process of the service ended: ${signal ?? String(code)}`;
      this.#answers.emit('error', new Error(this.#exit));
    });
    // Nobody may wait for an answer when it ends.
    this.#answers.on('error', () => undefined);
  }

  static async start(databaseUrl: string, kubeconfig: string): Promise<Fuzzed> {
    const child = fork(repositoryPath('test/support/fuzzed-process.ts'), [databaseUrl, kubeconfig]);
    const ready = await new Promise<{ url: string; slowness: number }>((resolve, reject) => {
      child.once('message', (message: FuzzedMessage) => {
        if ('url' in message) resolve(message);
      });
      child.once('exit', (code) => {
        reject(new Error(`the process of the service ended with ${String(code)} before it was ready`));
      });
    });
    return new Fuzzed(child, ready);
  }

  /** Fails when it has ended. */
  requireAlive(): void {
    if (this.#exit !== undefined) throw new Error(this.#exit);
  }

  async restartWatcher(): Promise<void> {
    await this.#ask('restart');
  }

  /** Runs one input, and again while the event loop was blocked for too long. */
  async withoutBlocking(input: (attempt: number) => Promise<void>): Promise<void> {
    const blocked: number[] = [];
    for (let attempt = 0; attempt < BLOCK_ATTEMPTS; attempt += 1) {
      await this.#ask('begin');
      await input(attempt);
      const blockedMs = await this.#ask('end');
      if (blockedMs <= this.#limitMs) return;
      blocked.push(Math.round(blockedMs));
    }
    throw new Error(
      `the event loop was blocked for ${blocked.join(', ')} ms; ${Math.round(this.#limitMs)} ms are allowed on this machine`,
    );
  }

  stop(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  async #ask(request: FuzzedRequest): Promise<number> {
    this.requireAlive();
    const answers = on(this.#answers, 'done');
    this.#child.send(request);
    const { value } = (await answers.next()) as { value: [number] };
    await answers.return?.();
    return value[0];
  }

  #take({ uid, size, isDeletion }: TakenState): void {
    const known = this.taken.get(uid) ?? { size: 0, isDeleted: false };
    this.taken.set(uid, { size: known.size + size, isDeleted: known.isDeleted || isDeletion });
  }
}

interface Way<T> {
  /** Names the file of a failure. */
  readonly name: string;
  readonly inputs: fc.Arbitrary<T>;
  /** Throws when the input does harm. The number differs from call to call. */
  readonly run: (input: T, round: number) => Promise<void>;
}

/**
 * Tries inputs until the time is over; of a failure the input goes to a file, which one command plays again. With such a
 * file of this way only that is played, with one of another way nothing.
 */
export async function fuzz<T>({ name, inputs, run }: Way<T>): Promise<void> {
  if (settings.replay !== undefined) {
    const failure = JSON.parse(readFileSync(settings.replay, 'utf8')) as { way: string; input: T };
    if (failure.way === name) await run(failure.input, 0);
    return;
  }
  const seed = chooseSeed();
  const endsAt = Date.now() + settings.seconds * SECOND_MS;
  let round = 0;
  for (let chunk = 0; Date.now() < endsAt; chunk += 1) {
    for (const input of fc.sample(inputs, { seed: (seed + chunk) | 0, numRuns: CHUNK })) {
      round += 1;
      await run(input, round).catch((error: unknown) => {
        throw new Error(describeFailure(name, { input, seed, round }), { cause: error });
      });
    }
  }
  process.stderr.write(`${name}: ${round} inputs in ${settings.seconds} s, seed ${seed}\n`);
  expect(round).toBeGreaterThan(0);
}

function describeFailure(
  way: string,
  { input, seed, round }: { readonly input: unknown; readonly seed: number; readonly round: number },
): string {
  const folder = repositoryPath(FOLDER);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${way}-${seed}-${round}.json`);
  writeFileSync(file, JSON.stringify({ way, input }));
  return `${way}: input ${round} of seed ${seed} does harm; npm run fuzz -- --replay ${file} plays it again`;
}
