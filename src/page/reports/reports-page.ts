import { type Answer, type ApiRequest, CSV_MEDIA_TYPE, type Query } from '../../api/http/route.ts';
import { answerReport, reportRoute } from '../../api/routes/report-routes.ts';
import type { ReportSources } from '../../query/reports/combined-report.ts';
import type { Report, ReportName } from '../../query/reports/reports.ts';
import type { PageContent } from '../page-route.ts';
import { reportList, reportView } from './reports-view.ts';

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
  const query = withoutEmpty(request.query);
  const answer = await answerReport(report, sources, { query, signal: request.signal });
  return { title: report.title, rows: answer.rows.length, body: reportView({ report, query, answer }) };
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
