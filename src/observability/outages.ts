import { setTimeout as delay } from 'node:timers/promises';

import { reasonOf } from '../domain/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/time.ts';

/** A server that this process depends on, as the field `server` of a log line names it. */
export type ServerName = 'database' | 'temporal' | 'cluster' | `cluster ${string}`;

export interface DependedServer {
  /** In a sentence: `the database`. */
  readonly called: string;
  /** What becomes of the data while it is away. */
  readonly meanwhile: string;
  /** What somebody can do. */
  readonly remedy: string;
  /** Rejects when the server does not answer. */
  readonly probe: (signal: AbortSignal) => Promise<unknown>;
}

/** A line about a call to a server that failed. */
interface FailedCall {
  readonly message: string;
  /** Whether the server may be away for it. A refusal is an answer, though one that a server gives while it comes up, too. */
  readonly isUnanswered: boolean;
  /** Writes the line as it is. */
  readonly write: () => void;
}

type Warn = (fields: Readonly<Record<string, unknown>>, message: string) => void;

interface OutageTiming {
  /** Between two probes of a server that is away. */
  readonly probeMs: number;
  /** A probe that takes longer counts as unanswered. */
  readonly answerMs: number;
  /** How long no call may have failed before the outage counts as over: a server that comes up answers some calls first. */
  readonly quietMs: number;
  /** Between two lines during an outage: a quarter of an hour is three lines, and a night about seventy. */
  readonly reportMs: number;
}

const TIMING: OutageTiming = {
  probeMs: 2 * SECOND_MS,
  answerMs: 5 * SECOND_MS,
  quietMs: 5 * SECOND_MS,
  reportMs: 7 * MINUTE_MS,
};
/** Lines that wait for the first probe; those beyond are only counted. */
const MOST_HELD = 20;

/**
 * Makes a few lines of an outage: one when it begins, one every few minutes, one when it ends.
 *
 * A line that names a `server` is held until a probe of that server has ended. If the server answers, the line is written:
 * one broken connection is no outage. If it does not, the line and all that follow are counted, by their message, until the
 * server has answered for some seconds.
 */
export class Outages {
  readonly #warn: Warn;
  readonly #timing: OutageTiming;
  readonly #servers = new Map<string, ServerWatch>();
  readonly #closing = new AbortController();

  constructor(warn: Warn, timing: Partial<OutageTiming> = {}) {
    this.#warn = warn;
    this.#timing = { ...TIMING, ...timing };
  }

  /** From now on lines about this server are gathered. */
  watch(name: ServerName, server: DependedServer): void {
    const options = { name, server, warn: this.#warn, timing: this.#timing };
    this.#servers.set(name, new ServerWatch(options, this.#closing.signal));
  }

  /** Whether the line is gathered; otherwise the caller writes it. */
  take(name: string, call: FailedCall): boolean {
    const server = this.#servers.get(name);
    if (server === undefined || this.#closing.signal.aborted) return false;
    server.take(call);
    return true;
  }

  /** Ends the probes. Lines that wait for one are written. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#servers.values()].map((server) => server.ended()));
  }
}

interface WatchOptions {
  readonly name: string;
  readonly server: DependedServer;
  readonly warn: Warn;
  readonly timing: OutageTiming;
}

/**
 * One server. It answers; or a call failed and a first probe asks (`#running` is set); or it is away, which ends both.
 */
class ServerWatch {
  readonly #options: WatchOptions;
  readonly #signal: AbortSignal;
  #held: (() => void)[] = [];
  #failed = new FailedCalls();
  #isAway = false;
  #running: Promise<void> | undefined;

  constructor(options: WatchOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  take(call: FailedCall): void {
    this.#failed.add(call);
    if (!this.#isAway && this.#held.length < MOST_HELD) this.#held.push(call.write);
    this.#running ??= this.#follow();
  }

  async ended(): Promise<void> {
    await this.#running;
  }

  async #follow(): Promise<void> {
    const reason = await this.#probe();
    if (reason === undefined || this.#signal.aborted) this.#writeHeld();
    else {
      this.#isAway = true;
      const { name, server, warn } = this.#options;
      const { called, meanwhile, remedy } = server;
      warn({ away: name, reason }, `${called} does not answer: ${meanwhile}; ${remedy}`);
      await this.#untilOver(reason);
      this.#isAway = false;
    }
    // Without a pause after the last line was written: a call that fails from here on begins anew.
    this.#held = [];
    this.#failed = new FailedCalls();
    this.#running = undefined;
  }

  #writeHeld(): void {
    const { name, server, warn } = this.#options;
    for (const write of this.#held) write();
    const failed = this.#failed.counts();
    const count = Object.values(failed).reduce((sum, of) => sum + of, 0) - this.#held.length;
    if (count > 0)
      warn({ of: name, count, failed }, `more calls to ${server.called} failed, though it answers`);
  }

  async #untilOver(firstReason: string): Promise<void> {
    const { name, server, warn, timing } = this.#options;
    const outage = new Outage(firstReason, this.#failed);
    let reportedAt = performance.now();
    for (;;) {
      await delay(timing.probeMs, undefined, { signal: this.#signal, ref: false }).catch(() => undefined);
      if (this.#signal.aborted) return;
      const reason = await this.#probe();
      if (reason === undefined) outage.answered();
      else outage.unanswered(reason);
      if (outage.quietForMs() >= timing.quietMs) {
        warn({ back: name, ...outage.summary() }, `${server.called} answers again`);
        return;
      }
      if (performance.now() - reportedAt < timing.reportMs) continue;
      reportedAt = performance.now();
      warn({ away: name, ...outage.summary() }, `${server.called} still does not answer; ${server.remedy}`);
    }
  }

  /** Why the server does not answer; undefined when it does. */
  async #probe(): Promise<string | undefined> {
    const { server, timing } = this.#options;
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(timing.answerMs)]);
    const over = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error(`no answer within ${timing.answerMs / SECOND_MS} s`));
      });
    });
    try {
      await Promise.race([server.probe(signal), over]);
      return undefined;
    } catch (error: unknown) {
      return reasonOf(error);
    }
  }
}

/** Calls that failed, by their message. */
class FailedCalls {
  readonly #counts = new Map<string, number>();
  #lastAt = 0;

  add({ message, isUnanswered }: FailedCall): void {
    this.#counts.set(message, (this.#counts.get(message) ?? 0) + 1);
    if (isUnanswered) this.#lastAt = performance.now();
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** On the clock of `performance`. */
  get lastAt(): number {
    return this.#lastAt;
  }
}

/** What is known of one outage. */
class Outage {
  readonly #since = new Date();
  readonly #beganAt = performance.now();
  readonly #failed: FailedCalls;
  #reason: string;
  #answersSince: number | undefined;

  constructor(reason: string, failed: FailedCalls) {
    this.#reason = reason;
    this.#failed = failed;
  }

  unanswered(reason: string): void {
    this.#reason = reason;
    this.#answersSince = undefined;
  }

  answered(): void {
    this.#answersSince ??= performance.now();
  }

  /** How long it has answered, and no call has failed; 0 while it does not answer. */
  quietForMs(): number {
    if (this.#answersSince === undefined) return 0;
    return performance.now() - Math.max(this.#answersSince, this.#failed.lastAt);
  }

  summary() {
    const until = this.#answersSince ?? performance.now();
    return {
      since: this.#since.toISOString(),
      seconds: Math.round((until - this.#beganAt) / SECOND_MS),
      reason: this.#reason,
      failed: this.#failed.counts(),
    };
  }
}
