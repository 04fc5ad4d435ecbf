/*
 * The history: one page of the list of remediations out of database and archive, by the same functions as
 * `GET /api/v1/remediations`, and as a file by that route itself.
 */
import { Problem } from '../../api/http/problems.ts';
import { type Answer, type ApiRequest, CSV_MEDIA_TYPE, NDJSON_MEDIA_TYPE } from '../../api/http/route.ts';
import { readIncludeArchive, readListQuery, writeCursor } from '../../api/routes/list-query.ts';
import { listRoute } from '../../api/routes/list-routes.ts';
import { fromEverywhere } from '../../api/routes/storage-problems.ts';
import type { RecordQuery } from '../../database/reading/record-reader.ts';
import { MAX_PAGE_SIZE } from '../../domain/limits.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import type { CombinedPage } from '../../query/combined-page.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import { utcTime } from '../cells.ts';
import type { PageContent } from '../page-route.ts';
import type { RecentCompleteness } from '../recent-completeness.ts';
import { remediationRow } from '../remediation-row.ts';
import { activeFilters, type HistoryFilters, listQueryOf, readFilters } from './history-filters.ts';
import { HISTORY_PATH, historyView } from './history-view.ts';
import { whyEmpty } from './why-empty.ts';

const PAGE_SIZE = 50;
/** By a filter without an index, they take a page a tenth of a second where it has a core. */
const MOST_LOOKED_AT = 100_000;

export async function historyPage(
  { finder }: { readonly finder: RecordFinder },
  recentCompleteness: RecentCompleteness,
  { query: address, signal }: ApiRequest,
): Promise<PageContent> {
  const filters = readFilters(address);
  const listQuery = listQueryOf(filters, PAGE_SIZE);
  const query = readListQuery(remediationAudit, listQuery);
  const includeArchive = readIncludeArchive(listQuery) ?? true;
  const page = await searched((includesArchive) =>
    finder.selectPage(remediationAudit, query, {
      ...{ signal, includeArchive: includesArchive, mostLookedAt: MOST_LOOKED_AT },
    }),
  )(includeArchive);
  const rows = page.rows.map(remediationRow);
  return {
    title: 'History',
    rows: rows.length,
    body: historyView({
      filters,
      rows,
      next: page.next === undefined ? undefined : writeCursor(page.next),
      endsEarlyAt: page.rows.length < query.limit ? page.next?.createdAt : undefined,
      unsearched: page.unsearched,
      whyEmpty: rows.length > 0 ? [] : await reasons(recentCompleteness, { filters, query, page }),
      nowMs: Date.now(),
    }),
  };
}

/** An archive that cannot be searched now takes the database's part of the answer with it nowhere: the page says what is missing. */
function searched(ask: (includesArchive: boolean) => Promise<CombinedPage>) {
  return async (includeArchive: boolean): Promise<CombinedPage> => {
    try {
      return await fromEverywhere(() => ask(includeArchive));
    } catch (error: unknown) {
      if (!includeArchive || !(error instanceof Problem) || !error.type.startsWith('archive-')) throw error;
      const page = await fromEverywhere(() => ask(false));
      return page.unsearched === undefined
        ? page
        : { ...page, unsearched: { ...page.unsearched, reason: error.message } };
    }
  };
}

async function reasons(
  recentCompleteness: RecentCompleteness,
  { filters, query, page }: { filters: HistoryFilters; query: RecordQuery; page: CombinedPage },
): Promise<readonly string[]> {
  const { completeness } = await recentCompleteness();
  const reasonsOfAll = whyEmpty({
    completeness,
    clusters: filters.get('cluster') ?? [],
    since: query.since,
    until: query.until,
    unsearched: page.unsearched,
    hasFilters: activeFilters(HISTORY_PATH, filters).length > 0,
  });
  return page.next === undefined
    ? reasonsOfAll
    : [
        `This part of the list, ${query.order === 'newest' ? 'back' : 'on'} to ${utcTime(page.next.createdAt)}, has nothing that matches; the next page goes on from there.`,
        ...reasonsOfAll,
      ];
}

/** The list as a file, as the API answers it. */
export async function historyFile(
  { finder }: { readonly finder: RecordFinder },
  request: ApiRequest,
  format: 'csv' | 'ndjson',
): Promise<Answer> {
  const route = listRoute('/api/v1/remediations', remediationAudit, finder);
  const answer = await route.answer({
    ...request,
    query: listQueryOf(readFilters(request.query), MAX_PAGE_SIZE),
    accept: format === 'csv' ? CSV_MEDIA_TYPE : NDJSON_MEDIA_TYPE,
  });
  const headers = {
    ...answer.headers,
    'content-disposition': `attachment; filename="remediations.${format}"`,
  };
  return { ...answer, headers };
}
