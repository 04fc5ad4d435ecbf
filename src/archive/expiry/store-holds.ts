import { join } from 'node:path';

import type pg from 'pg';

import type { UnexaminedMonth } from '../../database/holds/hold-archives.ts';
import {
  countHoldArchives,
  markReleased,
  requireKeeping,
  saveHoldArchive,
  selectReleasable,
  selectUnexamined,
  tryKeepHolds,
} from '../../database/holds/hold-archives.ts';
import type { Hold } from '../../database/holds/holds.ts';
import { holdsOfMonth, listHolds } from '../../database/holds/holds.ts';
import { withMaintenanceClient } from '../../database/maintenance.ts';
import { partitionsOf } from '../../database/months/month-detach.ts';
import { reasonOf } from '../../domain/errors.ts';
import { isRecordTable } from '../../domain/records/index.ts';
import type { ArchiveContext } from '../archive-context.ts';
import { MANIFEST_PREFIX, ManifestError } from '../manifest/manifest.ts';
import { withWorkspace } from '../parquet/duckdb.ts';
import { listObjects } from '../store/archive-objects.ts';
import { findHeldRows } from './held-rows.ts';

/** How many holds of archived months there are. */
export interface StoreHoldReport {
  readonly held: number;
  /** The store knows no legal holds. */
  readonly unsupported: number;
  /** Not set in the store yet. */
  readonly pending: number;
  /** Why not, month by month: one that fails does not stop the others. */
  readonly troubles: readonly string[];
}

/**
 * Sets in the object store what the legal holds of the database say: every object of an archived month that a hold touches is
 * held, and let go when the last hold on it is released. May be broken off and repeated anywhere; `signal` ends it between two objects. Undefined when another
 * process is at it.
 */
export async function applyStoreHolds(
  context: ArchiveContext,
  signal?: AbortSignal,
): Promise<StoreHoldReport | undefined> {
  const { ownerUrl: connectionString, lockTimeoutMs } = context;
  return withMaintenanceClient({ connectionString, lockTimeoutMs }, async (client) => {
    if (!(await tryKeepHolds(client))) return undefined;
    const round = new HoldRound(client, context, signal);
    await round.setHolds();
    await round.releaseHolds();
    return { ...(await countHoldArchives(client)), troubles: round.troubles };
  });
}

/** One round over the months whose objects do not agree with the holds. */
class HoldRound {
  readonly #client: pg.Client;
  readonly #context: ArchiveContext;
  readonly #signal: AbortSignal | undefined;
  readonly troubles: string[] = [];

  constructor(client: pg.Client, context: ArchiveContext, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#context = context;
    this.#signal = signal;
  }

  async setHolds(): Promise<void> {
    const unexamined = await selectUnexamined(this.#client);
    if (unexamined.length === 0) return;
    const holds = await listHolds(this.#client);
    for (const [month, pairs] of Map.groupBy(unexamined, (pair) => pair.month)) {
      const ids = new Set(pairs.map(({ holdId }) => holdId));
      const matching = holds.filter(({ id }) => ids.has(id));
      await this.#try(month, () => this.#setHoldsOn(month, pairs, matching));
    }
  }

  async #setHoldsOn(month: string, pairs: readonly UnexaminedMonth[], holds: readonly Hold[]): Promise<void> {
    const manifest = pairs[0]?.manifest ?? null;
    const touching = await this.#touching(month, manifest, holds);
    const idsOf = (touches: boolean): string[] =>
      holds.map(({ id }) => id).filter((id) => touching.has(id) === touches);
    const save = (holdIds: readonly string[], state: 'held' | 'unsupported' | 'unmatched', objects: number) =>
      saveHoldArchive(this.#client, { holdIds, month, state, manifest, objects });
    await save(idsOf(false), 'unmatched', 0);
    if (touching.size === 0) return;
    const objects = await this.#objectsOf(month);
    const supported = await this.#setAll(objects, true);
    await save(idsOf(true), supported ? 'held' : 'unsupported', supported ? objects.length : 0);
  }

  async releaseHolds(): Promise<void> {
    const releasable = await selectReleasable(this.#client);
    if (releasable.length === 0) return;
    // A hold that came a moment ago may touch the month too: the next time it is known.
    const unexamined = new Set((await selectUnexamined(this.#client)).map(({ month }) => month));
    for (const { month, heldByOthers } of releasable) {
      if (unexamined.has(month)) continue;
      await this.#try(month, async () => {
        if (!heldByOthers) await this.#setAll(await this.#objectsOf(month), false);
        await markReleased(this.#client, month);
      });
    }
  }

  /** What fails is tried again the next time; a lost database or an end fails whatever comes after it too. */
  async #try(month: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error: unknown) {
      this.#signal?.throwIfAborted();
      const reason = reasonOf(error);
      this.troubles.push(`${month.slice(0, 7)}: ${reason}`);
    }
  }

  /** Ids of the holds of which a row of the month, in the database or in the archive, matches. */
  async #touching(month: string, manifest: string | null, holds: readonly Hold[]): Promise<Set<string>> {
    const wanted = new Set(holds.map(({ id }) => id));
    const relations = (await partitionsOf(this.#client, month)).filter(
      ({ table, attachment }) => attachment !== 'absent' && isRecordTable(table),
    );
    const live = await holdsOfMonth(this.#client, month, relations);
    const touching = new Set(live.map(({ id }) => id).filter((id) => wanted.has(id)));
    const unknown = holds.filter(({ id }) => !touching.has(id));
    if (unknown.length === 0 || manifest === null) return touching;
    const { store, chain, workFolder } = this.#context;
    const { parts } = (await chain.read(manifest)).manifest;
    const archived = await withWorkspace(workFolder, ({ folder, duckdb }) =>
      findHeldRows(unknown, parts, { store, duckdb, path: join(folder, 'held.parquet') }),
    );
    return new Set([...touching, ...archived]);
  }

  /** Every object of the month, also those that a later export superseded, and each of its manifests. */
  async #objectsOf(month: string): Promise<readonly string[]> {
    const { store, chain } = this.#context;
    const keys = [...(await listObjects(store, month))];
    for (const key of await store.list(MANIFEST_PREFIX)) {
      const sealed = await chain.read(key).catch((error: unknown) => {
        // Nobody knows whose it is; `archive verify` and the next drop complain about it.
        if (error instanceof ManifestError) return undefined;
        throw error;
      });
      if (sealed?.manifest.month === month) keys.push(key);
    }
    return keys;
  }

  /** False when the store knows no legal holds. */
  async #setAll(keys: readonly string[], held: boolean): Promise<boolean> {
    for (const key of keys) {
      this.#signal?.throwIfAborted();
      await requireKeeping(this.#client);
      if (!(await this.#context.store.setLegalHold(key, held))) return false;
    }
    return true;
  }
}
