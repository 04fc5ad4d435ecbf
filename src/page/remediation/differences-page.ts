/*
 * What differs between two observations of a record, by the function of `GET /api/v1/remediations/…/diff`, and the observations to
 * choose from.
 */
import type { ApiRequest } from '../../api/http/route.ts';
import { allowOnly } from '../../api/http/route.ts';
import { INCLUDE_ARCHIVE, singleText } from '../../api/routes/list-query.ts';
import { differenceIn, readCompared, readRecord } from '../../api/routes/remediation-diff-route.ts';
import { findRemediation, MAX_ENTRIES } from '../../api/routes/remediation-question.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import type { PageContent } from '../page-route.ts';
import { remediationRow } from '../remediation-row.ts';
import { differencesView, type ObservedRecord } from './differences-view.ts';
import { REMEDIATION_PAGE_PATH } from './remediation-page.ts';

export const DIFFERENCES_PATH = `${REMEDIATION_PAGE_PATH}/differences`;

export async function differencesPage(finder: RecordFinder, request: ApiRequest): Promise<PageContent> {
  const { query } = request;
  allowOnly(query, ['record', 'from', 'to', 'uid', INCLUDE_ARCHIVE]);
  const wanted = singleText(query, 'record') === undefined ? undefined : readRecord(query);
  const isCompared = singleText(query, 'from') !== undefined || singleText(query, 'to') !== undefined;
  const compared = isCompared ? readCompared(query) : undefined;
  const found = await findRemediation(finder, request, { timeline: { limit: MAX_ENTRIES }, maxParts: 0 });
  const { entries, next } = found.timeline;
  const records: readonly ObservedRecord[] = [...Map.groupBy(entries, ({ recordId }) => recordId)].map(
    ([id, all]) => ({
      ...{ id, table: all[0]?.table ?? '' },
      // The first that says so: a later one with the same hash says the same.
      observations: [
        ...new Map(all.toReversed().map((entry) => [entry.contentHash, entry])).values(),
      ].toReversed(),
    }),
  );
  return {
    title: 'What differs between two observations',
    rows: 1 + entries.length,
    body: differencesView({
      row: remediationRow(found.chosen),
      records,
      chosen: records.find(({ id }) => id === wanted) ?? records.find(hasTwo) ?? records[0],
      difference: compared === undefined ? undefined : differenceIn(found, compared),
      hasMore: next !== undefined,
      unsearched: found.unsearched,
    }),
  };
}

function hasTwo({ observations }: ObservedRecord): boolean {
  return observations.length > 1;
}
