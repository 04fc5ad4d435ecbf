import { type Answer, type ApiRequest, CSV_MEDIA_TYPE, type Query } from '../../api/http/route.ts';
import { answerReport, reportRoute } from '../../api/routes/report-routes.ts';
import { NANOSECONDS_PER_DAY, parseLengthOfTime } from '../../domain/length-of-time.ts';
import type { ReportSources } from '../../query/reports/combined-report.ts';
import type { Report, ReportName } from '../../query/reports/reports.ts';
import type { PageContent } from '../page-route.ts';
import { reportList, reportView } from './reports-view.ts';

/**
 * What a page shows first of a report about more than that: a month of eighty thousand records takes a third of a second, all that was
 * ever recorded a second and more, and who opens it mostly wants to know how things are now. The form asks for the rest.
 */
const FIRST_WINDOW = '7d';
const FIRST_WINDOW_NANOSECONDS = 7n * NANOSECONDS_PER_DAY;

type NamedReport = Report & { readonly name: ReportName };

export function reportsPage(): PageContent {
  return { title: 'Reports', body: reportList() };
}

/** The answer of `GET /api/v1/reports/NAME`, as a chart and a table. */
export async function reportPage(
  sources: ReportSources,
  report: NamedReport,
  request: ApiRequest,
): Promise<PageContent> {
  const asked = withoutEmpty(request.query);
  const isFirst = asked['since'] === undefined && isAboutMore(report);
  const query = isFirst ? { ...asked, since: FIRST_WINDOW } : asked;
  const answer = await answerReport(report, sources, { query, signal: request.signal });
  const body = reportView({ report, query, answer, hasMore: isFirst });
  return { title: report.title, rows: answer.rows.length, body };
}

/** Those that name what they are about find it by an index, however old it is. */
function isAboutMore({ parameters }: Report): boolean {
  const byDefault = parameters.find(({ name }) => name === 'since')?.default ?? null;
  const nanoseconds = byDefault === null ? undefined : parseLengthOfTime(byDefault);
  const isShort = nanoseconds !== undefined && nanoseconds <= FIRST_WINDOW_NANOSECONDS;
  return !isShort && !parameters.some(({ type }) => type === 'text');
}

export async function reportFile(
  sources: ReportSources,
  report: NamedReport,
  request: ApiRequest,
): Promise<Answer> {
  const answer = await reportRoute(report, sources).answer({
    ...request,
    query: withoutEmpty(request.query),
    accept: CSV_MEDIA_TYPE,
  });
  const headers = { ...answer.headers, 'content-disposition': `attachment; filename="${report.name}.csv"` };
  return { ...answer, headers };
}

/** A form sends its empty fields too; they have their defaults. */
function withoutEmpty(query: Query): Query {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));
}
