import type pg from 'pg';

import { attachStaged, keepMonth, monthRange } from '../../database/months/month-restore.ts';
import type { MonthRow } from '../../database/months/month-states.ts';
import { canChange, reopenMonth, selectMonth } from '../../database/months/month-states.ts';
import {
  createStaged,
  dropStaged,
  finishStaged,
  foldStagedLedger,
  foldStagedRecords,
  insertStagedLocations,
  stagedFrom,
  stagedRelation,
} from '../../database/months/staged-month.ts';
import { withMaintenanceClient } from '../../database/pool.ts';
import { instantOf } from '../../domain/instant.ts';
import { isRecordTable, RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { LEDGER_TABLE } from '../../domain/records/service-tables.ts';
import { DAY_MS } from '../../domain/time.ts';
import type { ArchiveContext, ArchivePoint } from '../archive-context.ts';
import {
  AnotherRestoreError,
  ArchiveMismatchError,
  ArchiveSchemaError,
  CannotRestoreError,
} from '../archive-errors.ts';
import type { Manifest, ManifestPart, SealedManifest } from '../manifest/manifest.ts';
import { openManifest } from '../manifest/manifest.ts';
import { newestByMonth, readChain } from '../manifest/verify-archive.ts';
import { ARCHIVED_TABLES, partitionName } from '../parquet/archive-schema.ts';
import { loadTable } from './load-table.ts';

/*
 * The room `archive/restore`: a month goes from the archive back into the database.
 *
 * In: a month, how many days it stays, and who wants it. Out: its tables, attached, with every row of the manifest.
 *
 * The steps: begin, load each table, attach all of them at once; or abandon. `load-table.ts` verifies the parts that it loads.
 *
 * What must stay true: every step can be repeated and interrupted anywhere. A month is visible with all its tables or with none of
 * the loaded ones, and only parts that match a trusted manifest are loaded.
 */

export interface RestoreRequest {
  /** First day of the month. */
  readonly month: string;
  /** How long retention leaves it alone. */
  readonly days: number;
  /** Who wants it: stored with the month. */
  readonly by: string;
}

/** A manifest that was read and believed. */
export interface ManifestReference {
  readonly key: string;
  readonly sha256: string;
}

/** Nothing to load: all of it was in the database. Or these tables, in this order, from this manifest. */
export type RestorePlan =
  | { readonly kind: 'kept'; readonly until: string }
  | { readonly kind: 'load'; readonly manifest: ManifestReference; readonly tables: readonly string[] };

const REMOVED = 'its archive was removed because of its age; nothing is left of it';

/** A restore signs nothing and asks no rules. */
type RestoreContext = Omit<
  ArchiveContext,
  'chain' | 'rules' | 'requireEqualLedger' | 'schemaVersion' | 'partRows'
>;

/** What a restore consists of. Every step may be repeated, and broken off anywhere. */
export class RestoreSteps {
  readonly #context: RestoreContext;

  constructor(context: RestoreContext) {
    this.#context = context;
  }

  /** Throws a CannotRestoreError that says why when there is nothing to restore. */
  async begin(request: RestoreRequest): Promise<RestorePlan> {
    const { month } = request;
    const row = await this.#asOwner((client) => selectMonth(client, month));
    // Every row of the month is in the database, and retention would take it away.
    if (row !== undefined && canChange(row, 'keep')) return this.#keep(request, row);
    const { key, sha256, manifest } = await this.#manifestToLoad(month, row);
    requireKnownTables(manifest);
    // Its tables are only what came late; attached, they and the archived rows become one.
    if (row?.state === 'detached') await this.#asOwner((client) => reopenMonth(client, month));
    await this.#reached('begun');
    return { kind: 'load', manifest: { key, sha256 }, tables: LOAD_ORDER };
  }

  /** Reads, verifies and loads one table beside the others. Answers its rows. */
  async load(month: string, table: string, reference: ManifestReference): Promise<number> {
    const parts = (await this.#read(reference)).parts.filter((part) => part.table === table);
    const staged = stagedRelation(partitionName(table, month));
    const { store, workFolder } = this.#context;
    const onPart = async (key: string): Promise<void> => {
      this.#progress(`${key}: verified and loaded`);
      await this.#reached('part-loaded');
    };
    return this.#asOwner(async (client) => {
      await lockRestore(client, month);
      if ((await stagedFrom(client, staged)) === reference.sha256) return countRows(parts);
      await createStaged(client, table, staged);
      await client.query('begin');
      await loadTable(client, { store, workFolder, month, relation: staged, parts, onPart });
      await this.#reached('checked');
      if (parts.length > 1) await foldStaged(client, month, table);
      if (isRecordTable(table)) await insertStagedLocations(client, table, staged);
      await finishStaged(client, table, staged, { range: monthRange(month), source: reference.sha256 });
      await client.query('commit');
      await this.#reached('staged');
      return countRows(parts);
    });
  }

  /** Attaches all of them at once. Answers until when the month stays. */
  async attach(request: RestoreRequest, reference: ManifestReference): Promise<string> {
    // The signature is checked again: since the tables were loaded the store may have got another manifest.
    await this.#read(reference);
    const until = this.#untilOf(request);
    const terms = { by: request.by, until, manifest: reference.key, manifestSha256: reference.sha256 };
    await this.#asOwner(async (client) => {
      // An earlier attempt was killed between its commit and its answer.
      const row = await selectMonth(client, request.month);
      if (row?.state === 'restored' && row.manifestSha256 === reference.sha256) return;
      await attachStaged(client, request.month, terms, () => this.#reached('attaching'));
    });
    await this.#reached('attached');
    return until;
  }

  /** Removes what was loaded and is not to be attached. */
  async abandon(month: string): Promise<void> {
    await this.#asOwner(async (client) => {
      await lockRestore(client, month);
      for (const table of LOAD_ORDER) await dropStaged(client, stagedRelation(partitionName(table, month)));
    });
  }

  async #keep(request: RestoreRequest, row: MonthRow): Promise<RestorePlan> {
    const until = this.#untilOf(request);
    const { manifest, manifestSha256 } = row;
    const terms = { by: request.by, until, manifest: manifest ?? '', manifestSha256: manifestSha256 ?? '' };
    await this.#asOwner((client) => keepMonth(client, request.month, terms));
    const kept = await this.#asOwner((client) => selectMonth(client, request.month));
    return { kind: 'kept', until: kept?.restoredUntil ?? until };
  }

  /** That of the last drop; where the database never had the month, the newest of the archive. */
  async #manifestToLoad(month: string, row: MonthRow | undefined): Promise<SealedManifest> {
    if (row?.state === 'expired') throw new CannotRestoreError(month, REMOVED);
    if (row === undefined || row.manifest === null) return this.#newestOf(month, row);
    const { settledManifest, manifestSha256, state } = row;
    if (settledManifest === null) throw new CannotRestoreError(month, 'all of it is in the database');
    const sealed = await this.#open(settledManifest);
    if (state === 'dropped' && sealed.sha256 !== manifestSha256)
      throw new ArchiveMismatchError(month, [
        `${settledManifest} is another manifest than the one that was written`,
      ]);
    return sealed;
  }

  async #newestOf(month: string, row: MonthRow | undefined): Promise<SealedManifest> {
    const { store, trusted } = this.#context;
    const { manifests } = await readChain(store, trusted);
    const newest = newestByMonth(manifests).get(month);
    const sealed = manifests.find(({ manifest }) => manifest === newest);
    if (sealed === undefined)
      throw new CannotRestoreError(
        month,
        row === undefined
          ? `neither the database nor ${store.location} has it`
          : `all of it is in the database, and ${store.location} has no manifest of it that can be trusted`,
      );
    if (sealed.manifest.removed !== undefined) throw new CannotRestoreError(month, REMOVED);
    return sealed;
  }

  async #read({ key, sha256 }: ManifestReference): Promise<Manifest> {
    const sealed = await this.#open(key);
    if (sealed.sha256 !== sha256)
      throw new ArchiveMismatchError(sealed.manifest.month, [
        `${key} was changed while it was being restored`,
      ]);
    return sealed.manifest;
  }

  async #open(key: string): Promise<SealedManifest> {
    const { store, trusted } = this.#context;
    return openManifest(key, await store.read(key), trusted);
  }

  #untilOf({ days }: RestoreRequest): string {
    const { nowMs = Date.now } = this.#context;
    return instantOf(nowMs() + days * DAY_MS);
  }

  #asOwner<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const { ownerUrl: connectionString, lockTimeoutMs } = this.#context;
    return withMaintenanceClient({ connectionString, lockTimeoutMs }, work);
  }

  #progress(what: string): void {
    this.#context.onProgress?.(what);
  }

  async #reached(point: ArchivePoint): Promise<void> {
    await this.#context.reached?.(point);
  }
}

/** The ledger before the records that are folded from it. */
const LOAD_ORDER = [
  LEDGER_TABLE,
  ...ARCHIVED_TABLES.map(({ table }) => table).filter((table) => table !== LEDGER_TABLE),
];

async function foldStaged(client: pg.ClientBase, month: string, table: string): Promise<void> {
  const staged = stagedRelation(partitionName(table, month));
  const definition = RECORD_DEFINITIONS.find((candidate) => candidate.table === table);
  if (table === LEDGER_TABLE) await foldStagedLedger(client, staged);
  else if (definition !== undefined) {
    const ledger = stagedRelation(partitionName(LEDGER_TABLE, month));
    await foldStagedRecords(client, definition, { rows: staged, ledger });
  }
}

/** Of two at once the second fails, instead of dropping the tables of the first one. */
async function lockRestore(client: pg.ClientBase, month: string): Promise<void> {
  const { rows } = await client.query<{ free: boolean }>({
    text: "select pg_try_advisory_lock(hashtext('audit_restore'), ($1::date - date '2000-01-01')) as free",
    values: [month],
  });
  if (rows[0]?.free !== true) throw new AnotherRestoreError(month);
}

function requireKnownTables({ month, parts }: Manifest): void {
  const known = new Set(ARCHIVED_TABLES.map(({ table }) => table));
  const unknown = [...new Set(parts.map(({ table }) => table))].filter((table) => !known.has(table));
  if (unknown.length > 0) throw new ArchiveSchemaError(month, unknown);
}

function countRows(parts: readonly ManifestPart[]): number {
  return parts.reduce((sum, { rows }) => sum + rows, 0);
}
