/*
 * One remediation, by the functions of `GET /api/v1/remediations/…` and its timeline: what they answer is what is shown.
 */
import type { ApiRequest } from '../../api/http/route.ts';
import { allowOnly } from '../../api/http/route.ts';
import { describeLeftOut } from '../../api/routes/left-out.ts';
import { INCLUDE_ARCHIVE } from '../../api/routes/list-query.ts';
import { findRemediation, MAX_ENTRIES, otherOf } from '../../api/routes/remediation-question.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import { remediationFacts } from '../../query/remediation/combined-facts.ts';
import { cutText } from '../../query/remediation/facts.ts';
import { summaryOf } from '../../query/remediation/summary.ts';
import type { PageContent } from '../page-route.ts';
import { type RemediationRow, remediationRow } from '../remediation-row.ts';
import { remediationView } from './remediation-view.ts';

export const REMEDIATION_PAGE_PATH = '/remediations/:cluster/:namespace/:name';

export async function remediationPage(finder: RecordFinder, request: ApiRequest): Promise<PageContent> {
  allowOnly(request.query, ['uid', INCLUDE_ARCHIVE]);
  const found = await findRemediation(finder, request, { timeline: { limit: MAX_ENTRIES } });
  const { chosen, others, parts, timeline, unsearched } = found;
  const facts = remediationFacts(found);
  const row = remediationRow(chosen);
  return {
    title: titleOf(row),
    rows: parts.reduce((sum, part) => sum + part.rows.length, 1 + timeline.entries.length),
    body: remediationView({
      row,
      summary: summaryOf(facts),
      events: facts.events,
      leftOut: describeLeftOut(found, request),
      others: others.map(otherOf),
      unsearched,
      nowMs: Date.now(),
    }),
  };
}

/** Characters of the title, which browsers show in a tab. */
const MOST_OF_TITLE = 200;

function titleOf({ target, outcome }: RemediationRow): string {
  return cutText(`${target}: ${outcome}`, MOST_OF_TITLE);
}
