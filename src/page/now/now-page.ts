/*
 * What is going on: open remediations, whom they wait for, what is stuck, and whether the record can be trusted now. By the
 * functions of `GET /api/v1/remediations` and `GET /api/v1/completeness`.
 */
import type { ApiRequest } from '../../api/http/route.ts';
import type { Questions } from '../../api/routes/api-routes.ts';
import { readListQuery } from '../../api/routes/list-query.ts';
import { fromEverywhere } from '../../api/routes/storage-problems.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import type { CombinedPage } from '../../query/combined-page.ts';
import { liveAddress } from '../live.ts';
import type { PageContent } from '../page-route.ts';
import type { RecentCompleteness } from '../recent-completeness.ts';
import { remediationRow } from '../remediation-row.ts';
import { nowView } from './now-view.ts';

const MOST_OPEN = 100;
const MOST_ENDED = 10;

export async function nowPage(
  { finder, events }: Questions,
  recentCompleteness: RecentCompleteness,
  { signal }: ApiRequest,
): Promise<PageContent> {
  const state = await events.stateOf('everything');
  // What is open has not been archived.
  const list = (verdict: readonly string[], limit: number): Promise<CombinedPage> => {
    const query = readListQuery(remediationAudit, { verdict, limit: String(limit) });
    return fromEverywhere(() =>
      finder.selectPage(remediationAudit, query, { signal, includeArchive: false }),
    );
  };
  const [open, ended, { completeness, countedAtMs, newerInMs }] = await Promise.all([
    list(['open'], MOST_OPEN),
    list(['terminal', 'deleted-before-terminal'], MOST_ENDED),
    recentCompleteness(),
  ]);
  return {
    title: 'Now',
    live: { address: liveAddress('everything', state), fetchAgainMs: newerInMs },
    rows: open.rows.length + ended.rows.length,
    body: nowView({
      completeness,
      countedAtMs,
      open: open.rows.map(remediationRow),
      hasMoreOpen: open.next !== undefined,
      ended: ended.rows.map(remediationRow),
      nowMs: Date.now(),
    }),
  };
}
