import type pg from 'pg';

import { saveHoldArchive } from '../../database/holds/hold-archives.ts';
import { holdsOfMonth } from '../../database/holds/holds.ts';
import { createRunAsOwner, type RunAsOwner } from '../../database/maintenance.ts';
import type { DueTerms } from '../../database/months/due-step.ts';
import { isDue, requireDue, StepNotDueError } from '../../database/months/due-step.ts';
import { detachMonth, partitionsOf } from '../../database/months/month-detach.ts';
import type { DropOutcome } from '../../database/months/month-drop.ts';
import { dropMonth } from '../../database/months/month-drop.ts';
import type { ExportedTable, ExportRun } from '../../database/months/month-export.ts';
import { beginExport, saveExport, selectExport } from '../../database/months/month-export.ts';
import type { MonthRow } from '../../database/months/month-states.ts';
import {
  changeMonth,
  MonthMovedError,
  noteDetached,
  noteFault,
  reopenMonth,
  selectMonth,
} from '../../database/months/month-states.ts';
import type { PlannedMonth } from '../../database/months/retention-plan.ts';
import { planMonth, planRetention } from '../../database/months/retention-plan.ts';
import { tryLockObjects } from '../../database/months/table-locks.ts';
import { addMonths, instantOf } from '../../domain/instant.ts';
import { isRecordTable } from '../../domain/records/index.ts';
import type { ArchiveContext, ArchivePoint } from '../archive-context.ts';
import { ArchiveMismatchError, ExportIncompleteError, OrphansInTheWayError } from '../archive-errors.ts';
import { expireMonth } from '../expiry/expire-month.ts';
import { removeOrphans } from '../expiry/remove-orphans.ts';
import type { Manifest, ManifestPart, NewManifest } from '../manifest/manifest.ts';
import { countRows } from '../manifest/manifest.ts';
import { describeFault, verifyParts } from '../manifest/verify-part.ts';
import { ARCHIVED_TABLES, archivedTable } from '../parquet/archive-schema.ts';
import { withWorkFolder, withWorkspace } from '../parquet/duckdb.ts';
import { equalsParts, exportTable } from './export-table.ts';

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
 * back and compared with the rows of the database. Rows that come late re-open the month. A step does what the plan of the
 * database has for the month at that moment, whoever calls it, and signs only what the export of the same run has written.
 */

/** What a month of retention consists of. Every step may be repeated, and broken off anywhere. */
export class RetentionSteps {
  readonly #context: ArchiveContext;
  readonly #asOwner: RunAsOwner;
  /** The archived tables, in the order in which they are exported. */
  readonly tables: readonly string[] = ARCHIVED_TABLES.map(({ table }) => table);

  constructor(context: ArchiveContext) {
    this.#context = context;
    const { ownerUrl: connectionString, lockTimeoutMs } = context;
    this.#asOwner = createRunAsOwner({ connectionString, lockTimeoutMs });
  }

  plan(): Promise<readonly PlannedMonth[]> {
    const { rules, now } = this.#terms();
    return this.#asOwner((client) => planRetention(client, rules, now));
  }

  async freeze(of: ExportRun): Promise<void> {
    await this.#asOwner((client) => beginExport(client, of, this.#terms()));
    await this.#reached('frozen');
  }

  /** Answers the rows that were exported. The parts are kept in the database, for the manifest. */
  exportTable(of: ExportRun, table: string): Promise<number> {
    const { month } = of;
    const { store, workFolder, partRows } = this.#context;
    const reached = (point: ArchivePoint): Promise<void> => this.#reached(point);
    return withWorkFolder(workFolder, (folder) =>
      this.#asOwner(async (client) => {
        if (!(await tryLockObjects(client, month, 'shared'))) throw new OrphansInTheWayError(month);
        await selectExport(client, of, { step: 'export', ...this.#terms() });
        const held = await this.#isHeld(client, month);
        const options = { client, store, folder, month, partRows, reached, held };
        const parts = await exportTable(archivedTable(table), options);
        await saveExport(client, of, table, { parts, verified: false });
        return rowsOf(parts);
      }),
    );
  }

  /**
   * Whether a hold came since the run was planned. It is noted before the first object is held for it, so that the objects are
   * let go with it.
   */
  async #isHeld(client: pg.Client, month: string): Promise<boolean> {
    const relations = (await partitionsOf(client, month)).filter(
      ({ table, attachment }) => attachment !== 'absent' && isRecordTable(table),
    );
    const holdIds = (await holdsOfMonth(client, month, relations)).map(({ id }) => id);
    if (holdIds.length === 0) return false;
    await saveHoldArchive(client, { holdIds, month, state: 'held', manifest: null, objects: 0 });
    return true;
  }

  /** Reads back what was exported of the table, and answers its rows. */
  async verifyTable(of: ExportRun, table: string): Promise<number> {
    const terms = { step: 'verify', ...this.#terms() } as const;
    const exported = await this.#asOwner((client) => selectExport<ManifestPart>(client, of, terms));
    const { parts } = this.#requireExported(of, table, exported[table]);
    await this.#verify(of.month, parts);
    await this.#asOwner((client) => saveExport(client, of, table, { parts, verified: true }));
    return rowsOf(parts);
  }

  async #verify(month: string, parts: readonly ManifestPart[]): Promise<void> {
    const { store, workFolder } = this.#context;
    if (parts.length === 0) return;
    const faults = await withWorkspace(workFolder, (workspace) => verifyParts(parts, { store, workspace }));
    if (faults.length > 0) throw new ArchiveMismatchError(month, faults.map(describeFault));
    await this.#reached('verified');
  }

  /** Signs what the export of this run has written and read back, all of its tables, and nothing else. */
  async seal(of: ExportRun): Promise<void> {
    const { month } = of;
    const { chain, schemaVersion, requireEqualLedger, nowMs = Date.now } = this.#context;
    const row = await this.#monthRow(month);
    const parts = [...(await this.#settledParts(row)), ...(await this.#exportedParts(of))];
    // Here, and not before the export: what was changed before it is found now, what is changed after it when the detached
    // tables are compared with the parts.
    await this.#asOwner((client) => requireEqualLedger(client, month));
    const held = await this.#asOwner((client) => this.#isHeld(client, month));
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
    await this.#asOwner((client) => changeMonth(client, month, 'seal', values));
    await this.#reached('archived');
  }

  /** Of every archived table: an export without one of them is none. */
  async #exportedParts(of: ExportRun): Promise<readonly ManifestPart[]> {
    const terms = { step: 'seal', ...this.#terms() } as const;
    const exported = await this.#asOwner((client) => selectExport<ManifestPart>(client, of, terms));
    return this.tables.flatMap((table) => {
      const { parts, verified } = this.#requireExported(of, table, exported[table]);
      if (!verified) throw new ExportIncompleteError(of.month, table, 'was not read back');
      return parts;
    });
  }

  #requireExported(
    { month }: ExportRun,
    table: string,
    exported: ExportedTable<ManifestPart> | undefined,
  ): ExportedTable<ManifestPart> {
    if (exported === undefined) throw new ExportIncompleteError(month, table, 'was not exported');
    return exported;
  }

  /** `reopened`: rows came after the export, and the month is live again. `held`: so it is because of a hold. */
  async detach(month: string): Promise<'detached' | 'reopened' | 'held'> {
    const decision = await this.#asOwner((client) => planMonth(client, month, this.#terms()));
    // An attempt before this one was killed between its commit and its answer.
    if (decision?.state === 'detached') return 'detached';
    if (decision?.action === 'reattach') {
      await this.reattach(month);
      return 'held';
    }
    if (decision === undefined || !isDue('detach', decision))
      throw new StepNotDueError(month, 'detach', decision);
    return this.#detachDue(month);
  }

  async #detachDue(month: string): Promise<'detached' | 'reopened'> {
    const row = await this.#monthRow(month);
    const settled = new Set((await this.#settledParts(row)).map(({ key }) => key));
    const manifest = await this.#manifestOf(row);
    const exported = manifest.parts.filter(({ key }) => !settled.has(key));
    // Of a restored month these parts were written long ago: they must be there before the database lets go of it.
    if (row.state === 'restored') await this.#verify(month, manifest.parts);
    await this.#reached('detaching');
    return this.#asOwner(async (client) => {
      await detachMonth(client, month);
      await this.#reached('detached-by-catalogue');
      // Detached tables cannot change any more: what came between the export and now shows here.
      const { partRows } = this.#context;
      if (!(await equalsParts(client, { month, parts: exported, partRows }))) {
        await reopenMonth(client, month);
        return 'reopened';
      }
      await this.#reached('compared');
      if (!(await this.#noteDetached(client, month))) return 'reopened';
      await this.#reached('detached');
      return 'detached';
    });
  }

  /** False when a record came back to one of its tables while others were still being detached: then all come back. */
  async #noteDetached(client: pg.Client, month: string): Promise<boolean> {
    try {
      await noteDetached(client, month);
      return true;
    } catch (error: unknown) {
      if (!(error instanceof MonthMovedError)) throw error;
      if ((await selectMonth(client, month))?.state === 'detached') return true;
      await reopenMonth(client, month);
      return false;
    }
  }

  async drop(month: string): Promise<'dropped' | 'held' | 'awaits-approval'> {
    const decision = await this.#asOwner((client) => planMonth(client, month, this.#terms()));
    // What is held or not approved is left to the transaction below; anything else is not worth reading the archive for.
    const isNear = decision?.action === 'reattach' || decision?.action === 'awaits-approval';
    if (decision === undefined || !(isNear || isDue('drop', decision)))
      throw new StepNotDueError(month, 'drop', decision);
    const manifest = await this.#manifestOf(await this.#monthRow(month));
    // Once more, and all of it: between archiving and now lies a grace in which anything may have happened to the store.
    await this.#verify(month, manifest.parts);
    await this.#reached('verified-again');
    const outcome = await this.#asOwner(async (client): Promise<DropOutcome> => {
      const result = await dropMonth(client, month, this.#terms());
      if (!result.dropped && result.holds.length > 0) await reopenMonth(client, month);
      return result;
    });
    if (!outcome.dropped) return outcome.holds.length > 0 ? 'held' : 'awaits-approval';
    await this.#reached('dropped');
    return 'dropped';
  }

  /** Removes its archive: its time there is over, too. */
  expire(month: string): Promise<'expired' | 'held'> {
    return expireMonth(this.#context, month);
  }

  /** Removes what exports that were broken off have left in the store; answers how many objects. */
  removeOrphans(onRemoved: (key: string) => void): Promise<number> {
    return removeOrphans(this.#context, onRemoved);
  }

  reattach(month: string): Promise<void> {
    return this.#asOwner(async (client) => {
      // An attempt before this one was killed between its commit and its answer.
      if ((await selectMonth(client, month))?.state === 'live') return;
      await requireDue(client, month, 'reattach', this.#terms());
      await reopenMonth(client, month);
    });
  }

  noteFault(month: string, fault: string): Promise<void> {
    return this.#asOwner((client) => noteFault(client, month, fault));
  }

  /** What decides now: the rules of this process, its clock, and with both of them the database. */
  #terms(): DueTerms {
    const { rules, nowMs = Date.now } = this.#context;
    return { rules, now: instantOf(nowMs()) };
  }

  /** Parts that a drop has relied on: the rows in them are nowhere else. */
  async #settledParts({ settledManifest }: MonthRow): Promise<readonly ManifestPart[]> {
    if (settledManifest === null) return [];
    return (await this.#context.chain.read(settledManifest)).manifest.parts;
  }

  async #manifestOf({ month, manifest, manifestSha256 }: MonthRow): Promise<Manifest> {
    if (manifest === null) throw new ArchiveMismatchError(month, ['it has no manifest']);
    const sealed = await this.#context.chain.read(manifest);
    if (sealed.sha256 !== manifestSha256)
      throw new ArchiveMismatchError(month, [
        `${manifest} is another manifest than the one that was written`,
      ]);
    return sealed.manifest;
  }

  async #monthRow(month: string): Promise<MonthRow> {
    const row = await this.#asOwner((client) => selectMonth(client, month));
    if (row === undefined) throw new RangeError(`there is no month ${month.slice(0, 7)}`);
    return row;
  }

  async #reached(point: ArchivePoint): Promise<void> {
    await this.#context.reached?.(point);
  }
}

function rowsOf(parts: readonly ManifestPart[]): number {
  return parts.reduce((sum, { rows }) => sum + rows, 0);
}
