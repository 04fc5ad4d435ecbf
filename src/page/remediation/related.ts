/*
 * What there was before and after a remediation: of its target, of its alert, and investigations of something alike. Each is a
 * question of its own, by the functions of the API's lists, and says why where it has no answer.
 */
import { Problem } from '../../api/http/problems.ts';
import type { ApiRequest } from '../../api/http/route.ts';
import { findSimilar, type SimilarSources } from '../../api/routes/report-routes.ts';
import { fromEverywhere } from '../../api/routes/storage-problems.ts';
import type { SimilarInvestigation } from '../../database/embeddings/embedding-store.ts';
import type { Filter, RecordQuery } from '../../database/reading/record-query.ts';
import { positionOf } from '../../database/reading/record-reader.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import type { SourcedRow } from '../../query/combined-answer.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import { type RemediationRow, remediationRow } from '../remediation-row.ts';

/** A list, or why there is none. */
export type Asked<T> =
  | { readonly found: readonly T[]; readonly isPartial: boolean }
  | { readonly why: string };

export interface Related {
  /** Of the same target, newest first. */
  readonly earlier: Asked<RemediationRow>;
  /** Of the same alert after it had ended, oldest first. */
  readonly again: Asked<RemediationRow>;
  readonly similar: Asked<SimilarInvestigation>;
}

interface RelatedSources {
  readonly finder: RecordFinder;
  readonly similar: SimilarSources;
}

const MOST = 5;

export async function askRelated(
  { finder, similar }: RelatedSources,
  chosen: SourcedRow,
  request: ApiRequest,
): Promise<Related> {
  if (!(await request.may('list'))) {
    const why = 'you may read single remediations, and not lists of them';
    return { earlier: { why }, again: { why }, similar: { why } };
  }
  const { createdAt } = positionOf(chosen.row);
  const { endedAt } = remediationRow(chosen);
  const list = (filters: readonly Filter[] | undefined, window: Partial<RecordQuery>, unknown: string) =>
    filters === undefined
      ? { why: unknown }
      : askList(finder, { filters, order: 'newest', limit: MOST + 1, ...window }, { chosen, request });
  const [earlier, again, alike] = await Promise.all([
    list(targetFilters(chosen), { until: createdAt }, 'its target is not known'),
    endedAt === null
      ? { why: 'when it ended is not known' }
      : list(
          filtersOf(chosen, ['cluster', 'signal_fingerprint']),
          { since: endedAt, order: 'oldest' },
          'its alert has no fingerprint',
        ),
    askSimilar(similar, chosen, request),
  ]);
  return { earlier, again, similar: alike };
}

/** In the database alone: the history looks into the archive, too. */
async function askList(
  finder: RecordFinder,
  query: RecordQuery,
  { chosen, request }: { readonly chosen: SourcedRow; readonly request: ApiRequest },
): Promise<Asked<RemediationRow>> {
  const { rows, unsearched } = await fromEverywhere(() =>
    finder.selectPage(remediationAudit, query, { signal: request.signal, includeArchive: false }),
  );
  const others = rows.filter(({ row }) => row['id'] !== chosen.row['id']);
  return { found: others.slice(0, MOST).map(remediationRow), isPartial: unsearched !== undefined };
}

async function askSimilar(
  sources: SimilarSources,
  { row }: SourcedRow,
  { caller }: ApiRequest,
): Promise<Asked<SimilarInvestigation>> {
  const fingerprint = row['signal_fingerprint'] ?? null;
  if (fingerprint === null) return { why: 'its alert has no fingerprint' };
  try {
    const question = { fingerprint: String(fingerprint), limit: MOST };
    return { found: await findSimilar(sources, caller.name, question), isPartial: false };
  } catch (error: unknown) {
    // No vector of it, too many questions, a model that is away: the page has everything else.
    if (!(error instanceof Problem)) throw error;
    return { why: error.message };
  }
}

/** Conditions on columns that all have to be known; undefined where one is not. */
function filtersOf({ row }: SourcedRow, names: readonly string[]): readonly Filter[] | undefined {
  const filters = remediationAudit.columns
    .filter(({ name }) => names.includes(name))
    .map((column): Filter => {
      const value = row[column.name] ?? null;
      return value === null ? { column, is: 'absent' } : { column, is: 'equal', value: String(value) };
    });
  return filters.some(({ is }) => is === 'absent') ? undefined : filters;
}

/** What has no namespace is found among those that have none. */
function targetFilters(chosen: SourcedRow): readonly Filter[] | undefined {
  const filters = filtersOf(chosen, ['cluster', 'target_kind', 'target_name']);
  const namespace = remediationAudit.columns
    .filter(({ name }) => name === 'target_namespace')
    .map((column) => filtersOf(chosen, [column.name]) ?? [{ column, is: 'absent' as const }]);
  return filters === undefined ? undefined : [...filters, ...namespace.flat()];
}
