import type { ArchiveSession } from '../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../database/months/archived-months.ts';
import { selectArchivedMonths } from '../database/months/archived-months.ts';
import type { LedgerPage } from '../database/reading/record-history.ts';
import type { Filter, RecordQuery, RecordRow } from '../database/reading/record-query.ts';
import type { Page } from '../database/reading/record-reader.ts';
import { positionOf, sizeOf } from '../database/reading/record-reader.ts';
import type { LedgerRange } from '../database/reading/remediation-ledger.ts';
import { compareObservations, selectTimeline } from '../database/reading/remediation-ledger.ts';
import type { RemediationAddress } from '../database/reading/remediation-reader.ts';
import { PART_DEFINITIONS, selectParts, selectRemediations } from '../database/reading/remediation-reader.ts';
import { inSnapshot } from '../database/reading/snapshot.ts';
import { instantFromSql, instantOf, millisecondsOf, monthOf } from '../domain/instant.ts';
import { MAX_ANSWER_BYTES } from '../domain/limits.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { remediationAudit } from '../domain/records/remediation-audit.ts';
import { LEDGER_TABLE } from '../domain/records/service-tables.ts';
import { workflowExecutionAudit } from '../domain/records/workflow-execution-audit.ts';
import { DAY_MS } from '../domain/time.ts';
import { selectArchivedTimeline } from './archive/archive-ledger.ts';
import type { SourcePart } from './bounded-merge.ts';
import { mergeBounded, mergeLedgers } from './bounded-merge.ts';
import type { QueryOptions, SourcedRow, Sources, Unsearched } from './combined-answer.ts';
import { fromDatabase, LEFT_OUT, unsearched } from './combined-answer.ts';
import type { CombinedPage } from './combined-page.ts';
import { selectCombinedPage } from './combined-page.ts';
import { SearchUnfinishedError } from './combined-record.ts';
import { type Blockers, NO_BLOCKERS } from './remediation/blockers.ts';
import { findBlockers } from './remediation/find-blockers.ts';

export interface RemediationQuestion extends RemediationAddress {
  /** Another one than the newest of that name. */
  readonly uid: string | undefined;
  /** `as-needed`: the archive is not searched for others of its name. */
  readonly extent: 'as-needed' | 'everything';
  /** Most records of one kind; 0: none are read. */
  readonly maxParts: number;
  /** Which entries of its ledger are read; undefined: none. */
  readonly timeline?: LedgerRange | undefined;
}

/** Records of one kind, the earliest ones. */
export interface RemediationPart {
  readonly definition: RecordDefinition;
  readonly rows: readonly SourcedRow[];
  /** Whether the kind has more: there is a limit in records and one in bytes. */
  readonly isMore: boolean;
}

/** One remediation with what belongs to it, each list up to its limits. */
export interface CombinedRemediation {
  /** The newest of the name, or the one with the uid; undefined when none was found. */
  readonly chosen: SourcedRow | undefined;
  /** Other remediations of the same name: names were used again in G1. */
  readonly others: readonly RecordRow[];
  /** One entry for each kind of record, also when it has no rows. */
  readonly parts: readonly RemediationPart[];
  /** In the order of observation. */
  readonly timeline: LedgerPage;
  /** The remediations that kept it from running. */
  readonly blockers: Blockers;
  readonly unsearched: Unsearched | undefined;
}

/** Remediations of one name that are looked at. */
const MAX_OF_ONE_NAME = 100;

/** One remediation with all its records. Most are complete in the database; then the archive is not read. */
export async function selectCombinedRemediation(
  sources: Sources,
  question: RemediationQuestion,
  options: QueryOptions,
): Promise<CombinedRemediation> {
  const record = await findRecord(sources, question, options);
  const { chosen } = record;
  if (chosen === undefined) return { ...record, parts: [], timeline: NOTHING, blockers: NO_BLOCKERS };
  const remediation = remediationOf(chosen.row, record);
  const belongings = await findBelongings(sources, { ...question, remediation }, options);
  const executions = belongings.parts
    .filter(({ definition }) => definition.table === workflowExecutionAudit.table)
    .flatMap(({ rows }) => rows);
  const blocked = { remediation: chosen.row, executions, archived: remediation.window };
  const blockers = await findBlockers(sources, blocked, options);
  return { ...record, ...belongings, blockers, unsearched: unite(record.unsearched, belongings.unsearched) };
}

const NOTHING: LedgerPage = { entries: [], next: undefined };

function remediationOf(row: RecordRow, { others }: RemediationRecord): Remediation {
  const name = row['remediation_id'];
  return {
    uid: String(row['remediation_uid']),
    cluster: String(row['cluster']),
    // A post that knows only the name belongs to nobody for certain when the name was used again.
    name: others.length === 0 && typeof name === 'string' ? name : undefined,
    window: windowOf(row),
  };
}

/** What keeps records of the remediation itself from being found is the reason that matters. */
function unite(
  ofRecord: Unsearched | undefined,
  ofBelongings: Unsearched | undefined,
): Unsearched | undefined {
  const reason = ofBelongings?.reason ?? ofRecord?.reason;
  if (reason === undefined) return undefined;
  return {
    months: [...new Set([...(ofRecord?.months ?? []), ...(ofBelongings?.months ?? [])])].sort(),
    reason,
  };
}

type RemediationRecord = Pick<CombinedRemediation, 'chosen' | 'others' | 'unsearched'>;

const AS_NEEDED = 'others of its name were not looked for in the archive; include_archive=true does';

/**
 * Finds the record of the remediation. The database answers first; the archive is searched when the record
 * is not there, when its month is archived (then other observations of it may lie there), or when
 * everything is wanted.
 */
async function findRecord(
  { pool, archive }: Sources,
  question: RemediationQuestion,
  options: QueryOptions,
): Promise<RemediationRecord> {
  const { uid, extent } = question;
  const { found, months } = await inSnapshot(pool, [remediationAudit.table], async (client) => ({
    months: (await selectArchivedMonths(client, [remediationAudit.table])).get(remediationAudit.table) ?? [],
    found: await selectRemediations(client, question, MAX_OF_ONE_NAME),
  }));
  const chosen = uid === undefined ? found[0] : found.find((row) => row['remediation_uid'] === uid);
  const isPartial = chosen !== undefined && isAmong(months, chosen);
  const record = {
    chosen: chosen === undefined ? undefined : fromDatabase(chosen),
    others: found.filter((row) => row !== chosen),
  };
  if (months.length === 0) return { ...record, unsearched: undefined };
  if ('missing' in archive) return { ...record, unsearched: unsearched(months, archive.missing) };
  if (!options.includeArchive) return { ...record, unsearched: unsearched(months, LEFT_OUT) };
  if (record.chosen !== undefined && !isPartial && extent === 'as-needed')
    return { ...record, unsearched: unsearched(months, AS_NEEDED) };
  return searchRecord({ pool, archive }, question, options, { months, found });
}

function isAmong(months: readonly ArchivedMonth[], row: RecordRow): boolean {
  const month = monthOf(positionOf(row).createdAt);
  return months.some((candidate) => candidate.month === month);
}

/** Searches all months, the newest first; `as-needed` stops at the first remediation that matches. */
async function searchRecord(
  { pool, archive }: Sources,
  question: RemediationQuestion,
  options: QueryOptions,
  { months, found }: { readonly months: readonly ArchivedMonth[]; readonly found: readonly RecordRow[] },
): Promise<RemediationRecord> {
  const { uid, extent, name } = question;
  const wanted = { remediation_id: name, cluster: question.cluster };
  // A uid identifies one remediation. Without it in the query the others of the name are found as well.
  const narrowed =
    uid === undefined || extent === 'everything' ? wanted : { ...wanted, remediation_uid: uid };
  const query: RecordQuery = {
    filters: [...equal(remediationAudit, narrowed), ...inNamespace(question.namespace)],
    order: 'newest',
    limit: extent === 'everything' ? MAX_OF_ONE_NAME : 1,
  };
  const page = await selectCombinedPage({ pool, definition: remediationAudit, query }, archive, options);
  const chosen = page.rows.find(({ row }) => uid === undefined || row['remediation_uid'] === uid);
  // Not found, but not searched to the end either: it may be there.
  if (chosen === undefined && page.next !== undefined)
    throw new SearchUnfinishedError(name, page.next.createdAt);
  const known = extent === 'everything' ? page.rows.map(({ row }) => row) : found;
  const others = known.filter((row) => row['id'] !== chosen?.row['id']);
  const { next } = page;
  const left = next === undefined ? [] : months.filter(({ month }) => month <= next.createdAt);
  return { chosen, others, unsearched: unsearched(left, AS_NEEDED) };
}

function equal(definition: RecordDefinition, wanted: Readonly<Record<string, string>>): Filter[] {
  return definition.columns.flatMap((column): Filter[] => {
    const value = wanted[column.name];
    return value === undefined ? [] : [{ column, is: 'equal', value }];
  });
}

/** Empty is the namespace of those that have none. */
function inNamespace(namespace: string): Filter[] {
  const same = equal(remediationAudit, { namespace });
  if (namespace !== '') return same;
  return same.map(({ column }) => ({ column, is: 'any', of: [...same, { column, is: 'absent' }] }));
}

/** What belongs to a remediation was made while it lasted, or a little before or after by another clock. */
const MARGIN_MS = 31 * DAY_MS;

/** The time in which records of a remediation are looked for, both ends included. It bounds the months that are read. */
interface Window {
  readonly from: string;
  readonly to: string;
}

/** From the creation of the remediation to the last change of its record, with the margin on both sides. */
function windowOf(record: RecordRow): Window {
  return {
    from: instantOf(millisecondsOf(positionOf(record).createdAt) - MARGIN_MS),
    to: instantOf(millisecondsOf(instantFromSql(String(record['updated_at']))) + MARGIN_MS),
  };
}

/** What records are searched by. The uid finds most of them; posts may know the name alone. */
interface Remediation {
  readonly uid: string;
  readonly cluster: string;
  /** Undefined when the name is not enough to know whose a record is. */
  readonly name: string | undefined;
  readonly window: Window;
}

type Belongings = Pick<CombinedRemediation, 'parts' | 'timeline' | 'unsearched'>;
type BelongingsQuestion = RemediationQuestion & { readonly remediation: Remediation };

/**
 * Finds the records and the timeline of a remediation. Each kind is asked for in the database first, in one
 * snapshot; the archive is read only when a month of the window is there.
 */
async function findBelongings(
  sources: Sources,
  question: BelongingsQuestion,
  options: QueryOptions,
): Promise<Belongings> {
  const { remediation, maxParts } = question;
  const range = question.timeline;
  const tables = [...PART_DEFINITIONS.map(({ table }) => table), LEDGER_TABLE];
  const database = await inSnapshot(sources.pool, tables, async (client) => {
    const months = await selectArchivedMonths(client, tables);
    const parts = [];
    for (const definition of PART_DEFINITIONS)
      parts.push(partOf(definition, await selectParts(client, definition, remediation, maxParts)));
    const timeline = range === undefined ? NOTHING : await selectTimeline(client, remediation.uid, range);
    return { months, parts, timeline };
  });
  const months = [...database.months.values()].flat().filter((month) => isWithin(month, remediation.window));
  if (months.length === 0) return { ...database, unsearched: undefined };
  const { archive } = sources;
  if ('missing' in archive) return { ...database, unsearched: unsearched(months, archive.missing) };
  if (!options.includeArchive) return { ...database, unsearched: unsearched(months, LEFT_OUT) };
  const parts = [];
  for (const { definition } of database.parts)
    parts.push(await searchParts(sources, { definition, remediation, maxParts }, options));
  if (range === undefined) return { parts, timeline: NOTHING, unsearched: undefined };
  const ledgerMonths = (database.months.get(LEDGER_TABLE) ?? []).filter((month) =>
    isWithin(month, remediation.window),
  );
  const archived = await archive.reader.ask(options.signal, (session) =>
    searchTimeline(session, ledgerMonths, { uid: remediation.uid, ...range }),
  );
  const timeline = mergeLedgers([database.timeline, archived], {
    compare: compareObservations,
    limit: range.limit,
  });
  return { parts, timeline, unsearched: undefined };
}

function partOf(definition: RecordDefinition, { rows, next }: Page): RemediationPart {
  return { definition, rows: rows.map(fromDatabase), isMore: next !== undefined };
}

function isWithin({ month }: ArchivedMonth, { from, to }: Window): boolean {
  return month >= monthOf(from) && month <= monthOf(to);
}

/** Records of one kind that belong to a remediation. */
interface PartsQuestion {
  readonly definition: RecordDefinition;
  readonly remediation: Remediation;
  readonly maxParts: number;
}

/** Those that carry its uid, and posts that knew only its name. */
async function searchParts(
  sources: Sources,
  question: PartsQuestion,
  options: QueryOptions,
): Promise<RemediationPart> {
  const { definition, remediation, maxParts } = question;
  if (maxParts === 0) return { definition, rows: [], isMore: false };
  const { uid, name, cluster, window } = remediation;
  const queries: Filter[][] = [equal(definition, { remediation_uid: uid })];
  if (name !== undefined) {
    const unknown = definition.columns
      .filter((column) => column.name === 'remediation_uid')
      .map((column): Filter => ({ column, is: 'absent' }));
    queries.push([...unknown, ...equal(definition, { remediation_id: name, cluster })]);
  }
  const found = [];
  for (const filters of queries) {
    const query: RecordQuery = { filters, order: 'oldest', limit: maxParts };
    const page = { pool: sources.pool, definition, query, archived: window };
    found.push(
      await allRows(
        (after) => selectCombinedPage({ ...page, query: { ...query, after } }, sources.archive, options),
        maxParts,
      ),
    );
  }
  const { items, isMore } = mergeBounded(found, {
    compare: (left, right) => (sortKeyOf(left) < sortKeyOf(right) ? -1 : 1),
    limit: maxParts,
    bytesOf: ({ row }) => sizeOf(row),
  });
  return { definition, rows: items, isMore };
}

/** A page may end before its limit; here all of them are one answer, which has its own. */
async function allRows(
  select: (after: RecordQuery['after']) => Promise<CombinedPage>,
  most: number,
): Promise<SourcePart<SourcedRow>> {
  const items: SourcedRow[] = [];
  let after: RecordQuery['after'];
  let bytes = 0;
  do {
    const page = await select(after);
    items.push(...page.rows);
    bytes += page.rows.reduce((sum, { row }) => sum + sizeOf(row), 0);
    after = page.next;
  } while (after !== undefined && items.length < most && bytes < MAX_ANSWER_BYTES);
  return { items, isMore: after !== undefined };
}

function sortKeyOf({ row }: SourcedRow): string {
  const { createdAt, id } = positionOf(row);
  return `${createdAt} ${id}`;
}

/** Month by month: each gives a page, and the caller cuts the whole. */
async function searchTimeline(
  session: ArchiveSession,
  months: readonly ArchivedMonth[],
  question: LedgerRange & { readonly uid: string },
): Promise<LedgerPage> {
  const order = { compare: compareObservations, limit: question.limit };
  let page = NOTHING;
  // Merged one by one, so that no more than two pages are in memory.
  for (const month of months)
    page = mergeLedgers([page, await selectArchivedTimeline(session, month, question)], order);
  return page;
}
