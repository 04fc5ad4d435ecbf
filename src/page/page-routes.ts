/*
 * The page: HTML for people, made on the server of the same answers as the API, with the same rights.
 *
 * In: the services of the API. Out: routes that answer HTML. Each view has a folder: `…-page.ts` asks, with the functions of the API's
 * routes, and `…-view.ts` writes what was found as HTML. `html.ts` escapes, `page-route.ts` is the frame and its policy,
 * `cells.ts` writes times, numbers and texts of others, `assets/` has the style sheet and the script,
 * `live.ts` the stream of events that the script listens to.
 *
 * What must stay true: nothing that was recorded becomes markup; the page asks no other host for anything; without a script
 * it says all that it says with one; a list that is empty says why.
 */
import type { Route } from '../api/http/route.ts';
import {
  type ApiServices,
  createApiRoutes,
  createQuestions,
  type Questions,
} from '../api/routes/api-routes.ts';
import { answerRecordState } from '../api/routes/completeness-route.ts';
import { REPORTS } from '../query/reports/reports.ts';
import { assetRoutes } from './assets/assets.ts';
import { historyFile, historyPage } from './history/history-page.ts';
import { HISTORY_PATH } from './history/history-view.ts';
import { liveRoute } from './live.ts';
import { nowPage } from './now/now-page.ts';
import { fileRoute, pageRoute, problemPage } from './page-route.ts';
import { createRecentCompleteness } from './recent-completeness.ts';
import { DIFFERENCES_PATH, differencesPage } from './remediation/differences-page.ts';
import { REMEDIATION_PAGE_PATH, remediationPage } from './remediation/remediation-page.ts';
import { reportFile, reportPage, reportsPage } from './reports/reports-page.ts';
import { REPORTS_PATH } from './reports/reports-view.ts';
import { retentionPage } from './retention/retention-page.ts';
import { signInRoute } from './sign-in.ts';

/** All that the service answers: the API, and the page over the same questions. */
export function createServiceRoutes(services: ApiServices): readonly Route[] {
  const questions = createQuestions(services);
  return [...createApiRoutes(services, questions), ...pageRoutes(services, questions)];
}

function pageRoutes({ pool, archive, retention }: ApiServices, questions: Questions): readonly Route[] {
  const reports = { lanes: questions.lanes, archive };
  const completeness = createRecentCompleteness(() => answerRecordState(questions.lanes, { cluster: '' }));
  return [
    ...assetRoutes(),
    signInRoute(problemPage),
    liveRoute(questions.events),
    pageRoute({
      ...{ path: '/', access: 'list', summary: 'What is going on now' },
      show: (request) => nowPage(questions, completeness, request),
    }),
    pageRoute({
      ...{ path: HISTORY_PATH, access: 'list', summary: 'Remediations, filtered' },
      show: (request) => historyPage(questions, completeness, request),
    }),
    ...(['csv', 'ndjson'] as const).map((format) =>
      fileRoute({
        ...{ path: `${HISTORY_PATH}.${format}`, access: 'list', summary: 'Remediations as a file' },
        answer: (request) => historyFile(questions, request, format),
      }),
    ),
    pageRoute({
      ...{ path: REMEDIATION_PAGE_PATH, access: 'get', summary: 'One remediation' },
      show: (request) => remediationPage({ pool, ...questions }, request),
    }),
    pageRoute({
      ...{ path: DIFFERENCES_PATH, access: 'get', summary: 'What differs between two observations' },
      show: (request) => differencesPage(questions.finder, request),
    }),
    pageRoute({
      ...{ path: REPORTS_PATH, access: 'list', summary: 'The named questions' },
      show: () => reportsPage(),
    }),
    ...REPORTS.flatMap((report) => [
      pageRoute({
        ...{ path: `${REPORTS_PATH}/${report.name}`, access: 'list', summary: report.title },
        show: (request) => reportPage(reports, report, request),
      }),
      fileRoute({
        ...{ path: `${REPORTS_PATH}/${report.name}.csv`, access: 'list', summary: report.title },
        answer: (request) => reportFile(reports, report, request),
      }),
    ]),
    pageRoute({
      ...{ path: '/retention', access: 'list', summary: 'Months, holds and decisions' },
      show: () => retentionPage(pool, retention.rules),
    }),
  ];
}
