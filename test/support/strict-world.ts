import type { IncomingMessage, ServerResponse } from 'node:http';

import pino from 'pino';

import type { StoredObject } from '../../dev/sandbox/object.ts';
import type { Fault } from '../../dev/sandbox/request-handler.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { FINALIZER } from '../../src/watcher/strict/finalizer.ts';
import type { WorldOptions } from './watcher-world.ts';
import { WatcherWorld } from './watcher-world.ts';

const HOLD_MS = HOUR_MS;

/** A world whose watcher is in strict mode, with what it wrote, what it logged, and what it let go too early. */
export class StrictWorld extends WatcherWorld {
  /** Paths of all patches, as they arrived. */
  readonly patches: string[] = [];
  readonly logged: Record<string, unknown>[] = [];
  /** Resources that were let go before Temporal had their verdict. */
  readonly early: string[] = [];
  /** Answers patches in the server's place. */
  patchFault: Fault | undefined;

  static override async create(options: WorldOptions = {}): Promise<StrictWorld> {
    const world: StrictWorld = new StrictWorld({
      strict: { kinds: ['RemediationRequest'], holdMs: HOLD_MS },
      logger: pino({ level: 'debug' }, { write: (line: string) => world.logged.push(parse(line)) }),
      ...options,
      sandbox: { ...options.sandbox, intercept: (request, response) => world.#intercept(request, response) },
    });
    await world.open();
    world.sandbox.store.subscribe(({ object, previous, type }) => {
      const isHeld = type !== 'DELETED' && carries(object);
      const { uid } = object.metadata;
      if (carries(previous) && !isHeld && !world.#hasVerdict(uid)) world.early.push(uid);
    });
    return world;
  }

  isHeld(name: string): boolean {
    return carries(this.find(name));
  }

  /** Lines of a level and above whose text says so. */
  linesAbout(words: string, level: 'warn' | 'error' = 'error'): Record<string, unknown>[] {
    const least = pino.levels.values[level] ?? 0;
    return this.logged.filter(
      (line) => Number(line['level']) >= least && String(line['msg']).includes(words),
    );
  }

  async metricOf(name: string): Promise<number> {
    const text = await this.metrics.registry.metrics();
    const lines = text.split('\n').filter((line) => line.startsWith(`remediation_audit_${name}{`));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  #hasVerdict(uid: string): boolean {
    return ['terminal', 'deleted-before-terminal'].some((one) =>
      this.record.reported.has(`${uid} verdict ${one}`),
    );
  }

  #intercept(request: IncomingMessage, response: ServerResponse): Fault | undefined {
    if (request.method !== 'PATCH') return this.faults.intercept(request, response);
    this.patches.push(request.url ?? '');
    return this.patchFault ?? this.faults.intercept(request, response);
  }
}

function carries(object: StoredObject | undefined): boolean {
  return object?.metadata.finalizers?.includes(FINALIZER) ?? false;
}

function parse(line: string): Record<string, unknown> {
  return JSON.parse(line) as Record<string, unknown>;
}
