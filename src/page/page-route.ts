/*
 * A view as a route: the frame around it, the headers that it comes with, and the same frame around what kept it from being
 * shown. A view knows nothing of HTTP but its request.
 */
import type { Verb } from '../api/auth/gate.ts';
import { type Problem, PROBLEMS } from '../api/http/problems.ts';
import type { Answer, ApiRequest, ProblemContext, Route } from '../api/http/route.ts';
import { assetAddress } from './assets/assets.ts';
import { long } from './cells.ts';
import { type Html, html } from './html.ts';
import { signInForm, signOutForm, TOKEN_COOKIE } from './sign-in.ts';

const HTML_MEDIA_TYPE = 'text/html; charset=utf-8';

interface LiveView {
  /** Of the stream that says when to fetch the view again. */
  readonly address: string;
  /** Also after so long: a part of the view was older than the rest. */
  readonly fetchAgainMs?: number | undefined;
}

/** What a view shows. */
export interface PageContent {
  readonly title: string;
  readonly body: Html;
  /** Records on the page: what the trace of the read says. */
  readonly rows?: number;
  /** How it is kept up to date. Default: it stays as it is. */
  readonly live?: LiveView | undefined;
}

/**
 * Scripts and styles are files of the service, and nothing comes from anywhere else: a text that somehow became markup could
 * neither run nor send anything. No page of others may show this one in a frame and have somebody click in it.
 */
const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE_HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
} as const;

const NAVIGATION = [
  ['/', 'Now'],
  ['/history', 'History'],
  ['/reports', 'Reports'],
  ['/retention', 'Retention'],
] as const;

interface PageRoute {
  readonly path: string;
  readonly access: Verb;
  readonly summary: string;
  readonly show: (request: ApiRequest) => PageContent | Promise<PageContent>;
}

export function pageRoute({ path, access, summary, show }: PageRoute): Route {
  return {
    method: 'GET',
    path,
    access,
    describe: describePage(summary),
    cookie: TOKEN_COOKIE,
    showProblem: problemPage,
    async answer(request) {
      const { rows = 0, ...content } = await show(request);
      const isSignedIn = (request.header('cookie') ?? '').includes(`${TOKEN_COOKIE}=`);
      return { ...pageAnswer({ path, ...content, isSignedIn }), rows };
    },
  };
}

/** A file that a page links to: answered as it is, and a problem as a page. */
export function fileRoute(
  page: Pick<PageRoute, 'path' | 'access' | 'summary'> & {
    readonly answer: (request: ApiRequest) => Promise<Answer>;
  },
): Route {
  return {
    method: 'GET',
    path: page.path,
    access: page.access,
    describe: describePage(page.summary),
    cookie: TOKEN_COOKIE,
    showProblem: problemPage,
    answer: (request) => page.answer(request),
  };
}

export function describePage(summary: string): Route['describe'] {
  return { summary, tag: 'page', answers: { 200: { meaning: 'The page', content: {} } } };
}

interface Frame extends Omit<PageContent, 'rows'> {
  /** Of the view; empty where none is shown. */
  readonly path: string;
  /** By the cookie: then there is something to end. */
  readonly isSignedIn: boolean;
}

function pageAnswer(frame: Frame, status = 200): Answer {
  return {
    status,
    mediaType: HTML_MEDIA_TYPE,
    body: layout(frame).markup,
    headers: PAGE_HEADERS,
  };
}

/** Those for which another token may help. */
const REFUSALS: readonly string[] = ['unauthenticated', 'forbidden'];

/** What cannot be shown, why, and what helps. */
export function problemPage(problem: Problem, { id, url }: ProblemContext): Answer {
  const { title, status } = PROBLEMS[problem.type];
  const body = html`<h1>${problem.type === 'unauthenticated' ? 'Sign in' : title}</h1>
    <p class="notice">This page cannot be shown: ${long(problem.message)}.</p>
    ${REFUSALS.includes(problem.type) ? signInForm(url) : html`<p><a href="${url}">Try again</a></p>`}
    <p class="hint">Request ${id}; the log of the service has it under this id.</p>`;
  const answer = pageAnswer({ path: '', title, body, isSignedIn: false }, status);
  return { ...answer, headers: { ...answer.headers, ...problem.headers } };
}

function layout({ path, title, body, live, isSignedIn }: Frame): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} – remediation-audit</title>
        <link rel="icon" type="image/svg+xml" href="${assetAddress('icon.svg')}" />
        <link rel="stylesheet" href="${assetAddress('page.css')}" />
        ${live === undefined ? '' : html`<script defer src="${assetAddress('page.js')}"></script>`}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <a class="brand" href="/">remediation-audit</a>
          <nav aria-label="Views">
            ${NAVIGATION.map(
              ([address, name]) =>
                html`<a href="${address}" ${isUnder(path, address) ? html` aria-current="page"` : ''}
                  >${name}</a
                >`,
            )}
          </nav>
          ${isSignedIn ? signOutForm() : ''}
        </header>
        ${live === undefined ? '' : html`<p id="live" class="live" role="status" aria-live="polite"></p>`}
        <main id="main" tabindex="-1" ${live === undefined ? '' : liveData(live)}>${body}</main>
      </body>
    </html> `;
}

function liveData({ address, fetchAgainMs }: LiveView): Html {
  return html`data-live="${address}"
  ${fetchAgainMs === undefined ? '' : html`data-fetch-again="${String(fetchAgainMs)}"`}`;
}

/** A report belongs to the reports. */
function isUnder(path: string, address: string): boolean {
  return path === address || (address !== '/' && path.startsWith(`${address}/`));
}
