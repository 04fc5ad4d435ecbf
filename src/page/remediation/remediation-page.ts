/*
 * One remediation, by the functions of `GET /api/v1/remediations/…`, its timeline and its coverage: what they answer is what is
 * shown.
 */
import type pg from 'pg';

import type { ApiRequest } from '../../api/http/route.ts';
import { allowOnly } from '../../api/http/route.ts';
import type { Questions } from '../../api/routes/api-routes.ts';
import { describeLeftOut } from '../../api/routes/left-out.ts';
import { INCLUDE_ARCHIVE } from '../../api/routes/list-query.ts';
import { coverageOf } from '../../api/routes/remediation-coverage-route.ts';
import { findRemediation, MAX_ENTRIES, otherOf } from '../../api/routes/remediation-question.ts';
import { remediationFacts } from '../../query/remediation/combined-facts.ts';
import { cutText } from '../../query/remediation/facts.ts';
import { summaryOf } from '../../query/remediation/summary.ts';
import { liveAddress } from '../live.ts';
import type { PageContent } from '../page-route.ts';
import { type RemediationRow, remediationRow } from '../remediation-row.ts';
import { askRelated, type Related } from './related.ts';
import { remediationView } from './remediation-view.ts';

export const REMEDIATION_PAGE_PATH = '/remediations/:cluster/:namespace/:name';

type RemediationSources = Questions & { readonly pool: pg.Pool };

export async function remediationPage(
  sources: RemediationSources,
  request: ApiRequest,
): Promise<PageContent> {
  allowOnly(request.query, ['uid', INCLUDE_ARCHIVE]);
  const { cluster = '', namespace = '', name = '' } = request.params;
  const subject = { cluster, namespace, name };
  // Before the records are read: what comes in between is reported as a change.
  const state = `${cluster}${namespace}${name}`.includes('\0')
    ? undefined
    : await sources.events.stateOf(subject);
  const found = await findRemediation(sources.finder, request, { timeline: { limit: MAX_ENTRIES } });
  const { chosen, others, parts, timeline, unsearched } = found;
  const [coverage, related] = await Promise.all([
    coverageOf(sources.pool, chosen),
    askRelated(sources, chosen, request),
  ]);
  const facts = remediationFacts(found);
  const row = remediationRow(chosen);
  const summary = summaryOf(facts);
  return {
    title: titleOf(row),
    live:
      summary.verdict === 'open' && state !== undefined
        ? { address: liveAddress(subject, state) }
        : undefined,
    rows: parts.reduce((sum, part) => sum + part.rows.length, 1 + timeline.entries.length) + countOf(related),
    body: remediationView({
      row,
      summary,
      events: facts.events,
      parts,
      entries: timeline.entries.length,
      leftOut: describeLeftOut(found, request),
      others: others.map(otherOf),
      ...{ coverage, related, unsearched },
      nowMs: Date.now(),
    }),
  };
}

function countOf({ earlier, again, similar }: Related): number {
  return [earlier, again, similar].reduce((sum, one) => sum + ('found' in one ? one.found.length : 0), 0);
}

/** Characters of the title, which browsers show in a tab. */
const MOST_OF_TITLE = 200;

function titleOf({ target, outcome }: RemediationRow): string {
  return cutText(`${target}: ${outcome}`, MOST_OF_TITLE);
}
