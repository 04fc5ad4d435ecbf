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
import { partitionsOf } from '../../database/months/month-detach.ts';
import { withMaintenanceClient } from '../../database/pool.ts';
import { reasonOf } from '../../domain/errors.ts';
import { ManifestError } from '../manifest/manifest.ts';
import type { ManifestChain } from '../manifest/manifest-chain.ts';
import { MANIFEST_PREFIX } from '../manifest/manifest-chain.ts';
import { withWorkspace } from '../parquet/workspace.ts';
import { listObjects } from '../store/archive-objects.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { findHeldRows } from './held-rows.ts';

export interface StoreHoldDependencies {
  readonly ownerUrl: string;
  readonly lockTimeoutMs: number;
  readonly store: ObjectStore;
  readonly chain: ManifestChain;
  readonly workFolder: string;
  /** Ends it between two objects; what is left is done the next time. */
  readonly signal?: AbortSignal;
}

/** How many holds of archived months there are. */
export interface StoreHoldReport {
  readonly held: number;
  /** The store knows no legal holds. */
  readonly unsupported: number;
  /** The store has yet to be told. */
  readonly pending: number;
  /** Why not, month by month: one that cannot be told of does not keep the others from it. */
  readonly troubles: readonly string[];
}

/**
 * Makes the object store keep to the legal holds of the database: every object of an archived month that a hold touches is
 * held, and let go when the last hold on it is released. May be broken off and repeated anywhere. Undefined when another
 * process is at it.
 */
export async function applyStoreHolds(given: StoreHoldDependencies): Promise<StoreHoldReport | undefined> {
  const { ownerUrl: connectionString, lockTimeoutMs } = given;
  return withMaintenanceClient({ connectionString, lockTimeoutMs }, async (client) => {
    if (!(await tryKeepHolds(client))) return undefined;
    const keeper = new Keeper(client, given);
    await keeper.place();
    await keeper.release();
    return { ...(await countHoldArchives(client)), troubles: keeper.troubles };
  });
}

class Keeper {
  readonly #client: pg.Client;
  readonly #given: StoreHoldDependencies;
  readonly troubles: string[] = [];

  constructor(client: pg.Client, given: StoreHoldDependencies) {
    this.#client = client;
    this.#given = given;
  }

  async place(): Promise<void> {
    const unexamined = await selectUnexamined(this.#client);
    if (unexamined.length === 0) return;
    const holds = await listHolds(this.#client);
    for (const [month, pairs] of Map.groupBy(unexamined, (pair) => pair.month)) {
      const ids = new Set(pairs.map(({ holdId }) => holdId));
      const placed = holds.filter(({ id }) => ids.has(id));
      await this.#try(month, () => this.#placeOn(month, pairs, placed));
    }
  }

  async #placeOn(month: string, pairs: readonly UnexaminedMonth[], holds: readonly Hold[]): Promise<void> {
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

  async release(): Promise<void> {
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
      this.#given.signal?.throwIfAborted();
      const reason = reasonOf(error);
      this.troubles.push(`${month.slice(0, 7)}: ${reason}`);
    }
  }

  /** Ids of the holds of which a row of the month, in the database or in the archive, matches. */
  async #touching(month: string, manifest: string | null, holds: readonly Hold[]): Promise<Set<string>> {
    const wanted = new Set(holds.map(({ id }) => id));
    const relations = (await partitionsOf(this.#client, month)).filter(
      ({ table, attachment }) => attachment !== 'absent' && table !== 'audit_ledger',
    );
    const live = await holdsOfMonth(this.#client, month, relations);
    const touching = new Set(live.map(({ id }) => id).filter((id) => wanted.has(id)));
    const unknown = holds.filter(({ id }) => !touching.has(id));
    if (unknown.length === 0 || manifest === null) return touching;
    const { store, chain, workFolder } = this.#given;
    const { parts } = (await chain.read(manifest)).manifest;
    const archived = await withWorkspace(workFolder, ({ folder, duckdb }) =>
      findHeldRows(unknown, parts, { store, duckdb, path: join(folder, 'held.parquet') }),
    );
    return new Set([...touching, ...archived]);
  }

  /** Every object of the month, also those that a later export superseded, and each of its manifests. */
  async #objectsOf(month: string): Promise<readonly string[]> {
    const { store, chain } = this.#given;
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
      this.#given.signal?.throwIfAborted();
      await requireKeeping(this.#client);
      if (!(await this.#given.store.setLegalHold(key, held))) return false;
    }
    return true;
  }
}
