import type pg from 'pg';

import { createRunAsOwner, type RunAsOwner } from '../../database/maintenance.ts';
import { attachStaged, keepMonth, monthRange } from '../../database/months/month-restore.ts';
import type { MonthRow } from '../../database/months/month-states.ts';
import { canChange, MonthMovedError, reopenMonth, selectMonth } from '../../database/months/month-states.ts';
import type { RestoreRequest } from '../../database/months/restore-requests.ts';
import {
  continueRestoreRequest,
  deleteRestoreRequest,
  insertRestoreRequest,
  RestoreNotRequestedError,
} from '../../database/months/restore-requests.ts';
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
import { isRecordTable, RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { LEDGER_TABLE } from '../../domain/records/service-tables.ts';
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
 * In: a month whose restore was requested. Out: its tables, attached, with every row of the manifest.
 *
 * The steps: request, begin, load each table, attach all of them at once; or abandon. `load-table.ts` verifies the parts that it
 * loads.
 *
 * What must stay true: every step can be repeated and interrupted anywhere. A month is visible with all its tables or with none of
 * the loaded ones, and only parts that match a trusted manifest are loaded. Each step takes the request and the manifest from the
 * database: whoever calls one names the month and nothing else.
 */

/** Nothing to load: all of it was in the database. Or these tables, in this order, from this manifest. */
export type RestorePlan =
  | { readonly kind: 'kept'; readonly until: string }
  | { readonly kind: 'load'; readonly tables: readonly string[] };

const REMOVED = 'its archive was removed because of its age; nothing is left of it';

/** A restore signs nothing and asks no rules. */
type RestoreContext = Omit<
  ArchiveContext,
  'chain' | 'rules' | 'requireEqualLedger' | 'schemaVersion' | 'partRows'
>;

/** What a restore consists of. Every step may be repeated, and broken off anywhere. */
export class RestoreSteps {
  readonly #context: RestoreContext;
  readonly #asOwner: RunAsOwner;

  constructor(context: RestoreContext) {
    this.#context = context;
    const { ownerUrl: connectionString, lockTimeoutMs } = context;
    this.#asOwner = createRunAsOwner({ connectionString, lockTimeoutMs });
  }

  /** Stores who wants the month and for how long, as the service does it for `begin` in another process. */
  async request(request: RestoreRequest): Promise<void> {
    await this.#asOwner((client) => insertRestoreRequest(client, request));
  }

  /** Throws a CannotRestoreError that says why when there is nothing to restore. */
  async begin(month: string): Promise<RestorePlan> {
    const { row, isRequested } = await this.#asOwner((client) => stateOf(client, month));
    if (!isRequested) return { kind: 'kept', until: endOfRestored(month, row) };
    // Every row of the month is in the database, and retention would take it away.
    if (row !== undefined && canChange(row, 'keep')) return this.#keep(month, row);
    const { manifest } = await this.#manifestToLoad(month, row);
    requireKnownTables(manifest);
    // Its tables are only what came late; attached, they and the archived rows become one.
    if (row?.state === 'detached') await this.#asOwner((client) => reopenMonth(client, month));
    await this.#reached('begun');
    return { kind: 'load', tables: LOAD_ORDER };
  }

  /** Reads, verifies and loads one table beside the others. Answers its rows. */
  async load(month: string, table: string): Promise<number> {
    const { row, isRequested } = await this.#asOwner((client) => stateOf(client, month));
    if (!isRequested) throw new RestoreNotRequestedError(month);
    const { sha256: source, manifest } = await this.#manifestOfAbsent(month, row);
    const parts = manifest.parts.filter((part) => part.table === table);
    const staged = stagedRelation(partitionName(table, month));
    const { store, workFolder } = this.#context;
    const onPart = async (key: string): Promise<void> => {
      this.#progress(`${key}: verified and loaded`);
      await this.#reached('part-loaded');
    };
    return this.#asOwner(async (client) => {
      await lockRestore(client, month);
      if ((await stagedFrom(client, staged)) === source) return countRows(parts);
      await createStaged(client, table, staged);
      await client.query('begin');
      await loadTable(client, { store, workFolder, month, relation: staged, parts, onPart });
      await this.#reached('checked');
      if (parts.length > 1) await foldStaged(client, month, table);
      if (isRecordTable(table)) await insertStagedLocations(client, table, staged);
      await finishStaged(client, table, staged, { range: monthRange(month), source });
      await client.query('commit');
      await this.#reached('staged');
      return countRows(parts);
    });
  }

  /** Attaches all of them at once. Answers until when the month stays. */
  async attach(month: string): Promise<string> {
    const { row, isRequested } = await this.#asOwner((client) => stateOf(client, month));
    if (!isRequested) return endOfRestored(month, row);
    // The signature is checked again: since the tables were loaded the store may have got another manifest.
    const { key: manifest, sha256: manifestSha256 } = await this.#manifestOfAbsent(month, row);
    const terms = { nowMs: this.#nowMs(), manifest, manifestSha256 };
    const after = await this.#asOwner(async (client) => {
      await attachStaged(client, month, terms, () => this.#reached('attaching'));
      return selectMonth(client, month);
    });
    await this.#reached('attached');
    return endOfRestored(month, after);
  }

  /** Removes what was loaded and is not to be attached, and the request. */
  async abandon(month: string): Promise<void> {
    await this.#asOwner(async (client) => {
      await lockRestore(client, month);
      await deleteRestoreRequest(client, month);
      for (const table of LOAD_ORDER) await dropStaged(client, stagedRelation(partitionName(table, month)));
    });
  }

  async #keep(month: string, { manifest, manifestSha256 }: MonthRow): Promise<RestorePlan> {
    const terms = { nowMs: this.#nowMs(), manifest: manifest ?? '', manifestSha256: manifestSha256 ?? '' };
    const kept = await this.#asOwner(async (client) => {
      await keepMonth(client, month, terms);
      return selectMonth(client, month);
    });
    return { kind: 'kept', until: endOfRestored(month, kept) };
  }

  /** For the steps after `begin`: what came to be completely in the database meanwhile is begun anew. */
  async #manifestOfAbsent(month: string, row: MonthRow | undefined): Promise<SealedManifest> {
    if (row !== undefined && canChange(row, 'keep')) throw new MonthMovedError(month, 'dropped');
    return this.#manifestToLoad(month, row);
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

  async #open(key: string): Promise<SealedManifest> {
    const { store, trusted } = this.#context;
    return openManifest(key, await store.read(key), trusted);
  }

  #nowMs(): number {
    const { nowMs = Date.now } = this.#context;
    return nowMs();
  }

  #progress(what: string): void {
    this.#context.onProgress?.(what);
  }

  async #reached(point: ArchivePoint): Promise<void> {
    await this.#context.reached?.(point);
  }
}

async function stateOf(
  client: pg.ClientBase,
  month: string,
): Promise<{ readonly row: MonthRow | undefined; readonly isRequested: boolean }> {
  const request = await continueRestoreRequest(client, month);
  return { row: await selectMonth(client, month), isRequested: request !== undefined };
}

/**
 * Until when a restored month stays. The request ends with the commit that restores its month: an attempt that was killed
 * between its commit and its answer finds the month restored, and anybody else's finds that nobody requested one.
 */
function endOfRestored(month: string, row: MonthRow | undefined): string {
  if (row?.state !== 'restored' || row.restoredUntil === null) throw new RestoreNotRequestedError(month);
  return row.restoredUntil;
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
