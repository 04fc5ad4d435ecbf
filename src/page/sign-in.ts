/*
 * Signing in: a browser has no field for a token, so it is typed once and goes along as a cookie until the browser is closed.
 *
 * The cookie is a token like one in the header and is judged by the same gate each time; nothing is kept on the server. Only
 * routes that change nothing take it (`Route.cookie`), no script can read it, and it goes over TLS only where there is any.
 */
import { LOOPBACK } from '../api/http/browser-guard.ts';
import { Problem } from '../api/http/problems.ts';
import type { Answer, ApiRequest, Route } from '../api/http/route.ts';
import { type Html, html } from './html.ts';

/** Of the cookie. */
export const TOKEN_COOKIE = 'remediation-audit-token';
const PATH = '/sign-in';
const FORM_MEDIA_TYPE = 'application/x-www-form-urlencoded';
/** Browsers store no cookie of more than 4,096 bytes, its name and attributes included. */
const MOST_CHARACTERS = 3_900;
const SEE_OTHER = 303;

/** `to` is where its reader wanted to go. */
export function signInForm(to: string): Html {
  return html`<form class="sign-in" method="post" action="${PATH}">
    <input type="hidden" name="to" value="${to}" />
    <label class="field"
      >Token<input type="password" name="token" required autocomplete="off" spellcheck="false"
    /></label>
    <button type="submit">Sign in</button>
    <p class="hint">
      What <code>Authorization: Bearer</code> carries to the API. It stays in this browser until that is
      closed.
    </p>
  </form>`;
}

/** Ends what the form began. */
export function signOutForm(): Html {
  return html`<form class="sign-out" method="post" action="${PATH}">
    <button type="submit" name="token" value="">Sign out</button>
  </form>`;
}

/** Nobody has to be known to say who they are. An empty token signs out. */
export function signInRoute(showProblem: NonNullable<Route['showProblem']>): Route {
  return {
    method: 'POST',
    path: PATH,
    access: 'public',
    describe: {
      summary: 'Keeps the token in a cookie of the browser',
      tag: 'page',
      body: { content: { [FORM_MEDIA_TYPE]: { schema: { type: 'object' } } } },
      answers: { [SEE_OTHER]: { meaning: 'Back to the page', content: {} } },
    },
    showProblem,
    answer: keepToken,
  };
}

function keepToken(request: ApiRequest): Answer {
  // A page of another origin could sign its reader in as somebody else.
  if (!['same-origin', undefined].includes(request.header('sec-fetch-site')))
    throw new Problem('foreign-page', 'sign in on a page of this service');
  const form = new URLSearchParams(request.body?.toString('utf8'));
  const token = (form.get('token') ?? '').trim();
  if (token.length > MOST_CHARACTERS || !/^[\x21-\x7e]*$/.test(token))
    throw new Problem(
      'invalid-parameter',
      `token must be one word of at most ${MOST_CHARACTERS} characters without spaces`,
    );
  const attributes = [
    `${TOKEN_COOKIE}=${encodeURIComponent(token)}`,
    'Path=/',
    'HttpOnly',
    // A link that somebody sent is opened signed in; what such a link can do is read.
    'SameSite=Lax',
    ...(token === '' ? ['Max-Age=0'] : []),
    ...(isOverTls(request) ? ['Secure'] : []),
  ];
  return {
    status: SEE_OTHER,
    mediaType: 'text/plain',
    body: '',
    headers: { 'set-cookie': attributes.join('; '), location: localPath(form.get('to') ?? '/') },
  };
}

/** Browsers say from where they come only over TLS, and to their own machine. */
function isOverTls({ header }: ApiRequest): boolean {
  const host = (header('host') ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return header('sec-fetch-site') !== undefined && !LOOPBACK.has(host);
}

/** Never to another host, however the address is spelled. */
function localPath(to: string): string {
  const here = 'http://here.invalid';
  if (!to.startsWith('/') || !URL.canParse(to, here)) return '/';
  const { origin, pathname, search } = new URL(to, here);
  return origin === here ? `${pathname}${search}` : '/';
}
