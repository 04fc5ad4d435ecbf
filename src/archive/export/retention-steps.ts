/*
 * The room `archive/export`: a month goes from the database into the archive.
 *
 * In: a month, from the workflow of retention, one step at a time. Out: the parts, the manifest, and the state of the month in the
 * database.
 *
 * The steps: freeze, export, verify, seal (write the manifest), detach, compare and drop; then, years later, expire
 * (`archive/expiry`). The states of a month are in `database/months/month-states.ts`.
 *
 * What must stay true: every step can be repeated and interrupted anywhere. Nothing is dropped before its archive was read
 * back and compared with the rows of the database. Rows that come late re-open the month.
 */

import type pg from 'pg';

import { saveHoldArchive } from '../../database/holds/hold-archives.ts';
import { holdsOfMonth } from '../../database/holds/holds.ts';
import { detachMonth, partitionsOf } from '../../database/months/month-detach.ts';
import type { DropOutcome } from '../../database/months/month-drop.ts';
import { dropMonth } from '../../database/months/month-drop.ts';
import { tryLockObjects } from '../../database/months/month-objects.ts';
import type { MonthRow } from '../../database/months/month-states.ts';
import {
  changeMonth,
  MonthMovedError,
  noteFault,
  reopenMonth,
  selectMonth,
  settleDetached,
} from '../../database/months/month-states.ts';
import type { PlannedMonth } from '../../database/months/retention-plan.ts';
import { planRetention } from '../../database/months/retention-plan.ts';
import { withMaintenanceClient } from '../../database/pool.ts';
import { addMonths, instantOf } from '../../domain/instant.ts';
import type { ArchiveDependencies, ExpirePoint } from '../expiry/expire-month.ts';
import { expireMonth } from '../expiry/expire-month.ts';
import { removeOrphans } from '../expiry/remove-orphans.ts';
import type { Manifest, ManifestPart } from '../manifest/manifest.ts';
import { countRows } from '../manifest/manifest.ts';
import type { NewManifest } from '../manifest/manifest-chain.ts';
import type { TrustedKeys } from '../manifest/signing-key.ts';
import { describeFault, verifyParts } from '../manifest/verify-part.ts';
import { ARCHIVED_TABLES, archivedTable } from '../parquet/archive-schema.ts';
import { withWorkspace } from '../parquet/workspace.ts';
import { holdsExactly } from './compare-month.ts';
import type { ExportPoint } from './export-table.ts';
import { EXPORT_POINTS, exportTable } from './export-table.ts';
import { ArchiveMismatchError, OrphansInTheWayError } from './retention-errors.ts';

/** Points at which a test ends the process, the database or the store. */
export const FAULT_POINTS = [
  'frozen',
  ...EXPORT_POINTS,
  'verified',
  'manifest-written',
  'archived',
  'detaching',
  'detached-by-catalogue',
  'compared',
  'detached',
  'verified-again',
  'dropped',
] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number] | ExpirePoint;

export interface RetentionDependencies extends ArchiveDependencies {
  /** Whose manifests are believed. */
  readonly trusted: TrustedKeys;
  readonly schemaVersion: number;
  /** Rows at which a part ends. Default PART_ROWS. */
  readonly partRows: number;
  /** Default: nothing happens there. */
  readonly reached?: (point: FaultPoint) => Promise<void>;
}

/** What a month of retention consists of. Every step may be repeated, and broken off anywhere. */
export interface RetentionSteps {
  plan(): Promise<readonly PlannedMonth[]>;
  freeze(month: string): Promise<void>;
  /** The archived tables, in the order in which they are exported. */
  readonly tables: readonly string[];
  exportTable(month: string, table: string): Promise<readonly ManifestPart[]>;
  verify(month: string, parts: readonly ManifestPart[]): Promise<void>;
  seal(month: string, parts: readonly ManifestPart[]): Promise<void>;
  /** `reopened`: rows came after the export, and the month is live again. */
  detach(month: string): Promise<'detached' | 'reopened'>;
  drop(month: string): Promise<'dropped' | 'held' | 'awaits-approval'>;
  /** Removes its archive: its time there is over, too. */
  expire(month: string): Promise<'expired' | 'held'>;
  /** Removes what exports that were broken off have left in the store; answers how many objects. */
  removeOrphans(onRemoved: (key: string) => void): Promise<number>;
  reattach(month: string): Promise<void>;
  noteFault(month: string, fault: string): Promise<void>;
}

export function createRetentionSteps(dependencies: RetentionDependencies): RetentionSteps {
  const steps = new Steps(dependencies);
  return {
    tables: ARCHIVED_TABLES.map(({ table }) => table),
    plan: () => steps.plan(),
    freeze: (month) => steps.freeze(month),
    exportTable: (month, table) => steps.exportTable(month, table),
    verify: (month, parts) => steps.verify(month, parts),
    seal: (month, parts) => steps.seal(month, parts),
    detach: (month) => steps.detach(month),
    drop: (month) => steps.drop(month),
    expire: (month) => expireMonth(dependencies, month),
    removeOrphans: (onRemoved) => removeOrphans(dependencies, onRemoved),
    reattach: (month) => steps.asOwner((client) => reopenMonth(client, month)),
    noteFault: (month, fault) => steps.asOwner((client) => noteFault(client, month, fault)),
  };
}

class Steps {
  readonly #given: RetentionDependencies;

  constructor(dependencies: RetentionDependencies) {
    this.#given = dependencies;
  }

  plan(): Promise<readonly PlannedMonth[]> {
    const { rules, nowMs = Date.now } = this.#given;
    return this.asOwner((client) => planRetention(client, rules, instantOf(nowMs())));
  }

  async freeze(month: string): Promise<void> {
    await this.asOwner((client) => changeMonth(client, month, 'freeze'));
    await this.#reached('frozen');
  }

  exportTable(month: string, table: string): Promise<ManifestPart[]> {
    const { store, workFolder, partRows } = this.#given;
    const reached = (point: ExportPoint): Promise<void> => this.#reached(point);
    return withWorkspace(workFolder, (workspace) =>
      this.asOwner(async (client) => {
        if (!(await tryLockObjects(client, month, 'shared'))) throw new OrphansInTheWayError(month);
        const held = await this.#isHeld(client, month);
        return exportTable(archivedTable(table), {
          client,
          store,
          workspace,
          month,
          partRows,
          reached,
          held,
        });
      }),
    );
  }

  /**
   * Whether a hold came since the run was planned. It is noted before the first object is held for it, so that the objects are
   * let go with it.
   */
  async #isHeld(client: pg.Client, month: string): Promise<boolean> {
    const relations = (await partitionsOf(client, month)).filter(
      ({ table, attachment }) => attachment !== 'absent' && table !== 'audit_ledger',
    );
    const holdIds = (await holdsOfMonth(client, month, relations)).map(({ id }) => id);
    if (holdIds.length === 0) return false;
    await saveHoldArchive(client, { holdIds, month, state: 'held', manifest: null, objects: 0 });
    return true;
  }

  async verify(month: string, parts: readonly ManifestPart[]): Promise<void> {
    const { store, workFolder } = this.#given;
    if (parts.length === 0) return;
    const faults = await withWorkspace(workFolder, (workspace) => verifyParts(parts, { store, workspace }));
    if (faults.length > 0) throw new ArchiveMismatchError(month, faults.map(describeFault));
    await this.#reached('verified');
  }

  async seal(month: string, exported: readonly ManifestPart[]): Promise<void> {
    const { chain, schemaVersion, nowMs = Date.now } = this.#given;
    const row = await this.#monthRow(month);
    const parts = [...(await this.#settledParts(row)), ...exported];
    const held = await this.asOwner((client) => this.#isHeld(client, month));
    const contents: NewManifest = {
      month,
      createdAt: instantOf(nowMs()),
      schemaVersion,
      range: [`${month}T00:00:00.000000Z`, `${addMonths(month, 1)}T00:00:00.000000Z`],
      rows: countRows(parts),
      parts,
    };
    const sealed = await chain.append(contents, { held });
    await this.#reached('manifest-written');
    const { key, sha256, manifest } = sealed;
    const values = [key, sha256, JSON.stringify(manifest.rows)];
    await this.asOwner((client) => changeMonth(client, month, 'seal', values));
    await this.#reached('archived');
  }

  async detach(month: string): Promise<'detached' | 'reopened'> {
    const row = await this.#monthRow(month);
    const settled = new Set((await this.#settledParts(row)).map(({ key }) => key));
    const manifest = await this.#manifestOf(row);
    const exported = manifest.parts.filter(({ key }) => !settled.has(key));
    // Of a restored month these parts were written long ago: they must be there before the database lets go of it.
    if (row.state === 'restored') await this.verify(month, manifest.parts);
    await this.#reached('detaching');
    return this.asOwner(async (client) => {
      await detachMonth(client, month);
      await this.#reached('detached-by-catalogue');
      // Detached tables cannot change any more: what came between the export and now shows here.
      const { partRows } = this.#given;
      if (!(await holdsExactly(client, { month, parts: exported, partRows }))) {
        await reopenMonth(client, month);
        return 'reopened';
      }
      await this.#reached('compared');
      if (!(await this.#settleDetached(client, month))) return 'reopened';
      await this.#reached('detached');
      return 'detached';
    });
  }

  /** False when a record came back to one of its tables while others were still being detached: then all come back. */
  async #settleDetached(client: pg.Client, month: string): Promise<boolean> {
    try {
      await settleDetached(client, month);
      return true;
    } catch (error: unknown) {
      if (!(error instanceof MonthMovedError)) throw error;
      if ((await selectMonth(client, month))?.state === 'detached') return true;
      await reopenMonth(client, month);
      return false;
    }
  }

  async drop(month: string): Promise<'dropped' | 'held' | 'awaits-approval'> {
    const manifest = await this.#manifestOf(await this.#monthRow(month));
    // Once more, and all of it: between archiving and now lies a grace in which anything may have happened to the store.
    await this.verify(month, manifest.parts);
    await this.#reached('verified-again');
    const { requireApproval } = this.#given.rules;
    const outcome = await this.asOwner(async (client): Promise<DropOutcome> => {
      const result = await dropMonth(client, month, { requireApproval });
      if (!result.dropped && result.holds.length > 0) await reopenMonth(client, month);
      return result;
    });
    if (!outcome.dropped) return outcome.holds.length > 0 ? 'held' : 'awaits-approval';
    await this.#reached('dropped');
    return 'dropped';
  }

  asOwner<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const { ownerUrl: connectionString, lockTimeoutMs } = this.#given;
    return withMaintenanceClient({ connectionString, lockTimeoutMs }, work);
  }

  /** Parts that a drop has relied on: the rows in them are nowhere else. */
  async #settledParts({ settledManifest }: MonthRow): Promise<readonly ManifestPart[]> {
    if (settledManifest === null) return [];
    return (await this.#given.chain.read(settledManifest)).manifest.parts;
  }

  async #manifestOf({ month, manifest, manifestSha256 }: MonthRow): Promise<Manifest> {
    if (manifest === null) throw new ArchiveMismatchError(month, ['it has no manifest']);
    const sealed = await this.#given.chain.read(manifest);
    if (sealed.sha256 !== manifestSha256)
      throw new ArchiveMismatchError(month, [
        `${manifest} is another manifest than the one that was written`,
      ]);
    return sealed.manifest;
  }

  async #monthRow(month: string): Promise<MonthRow> {
    const row = await this.asOwner((client) => selectMonth(client, month));
    if (row === undefined) throw new RangeError(`there is no month ${month.slice(0, 7)}`);
    return row;
  }

  async #reached(point: FaultPoint): Promise<void> {
    await this.#given.reached?.(point);
  }
}
