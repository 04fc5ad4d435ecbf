/*
 * Live updates: the address of the stream that a view listens to, with the state that the view shows, and the route of it. The stream is
 * that of `GET /api/v1/events`, under an address of the page: the cookie of a browser opens no route of the API (ADR 63).
 */
import type { Subject } from '../api/events/change-feed.ts';
import type { Route } from '../api/http/route.ts';
import type { ChangeEvents } from '../api/routes/event-routes.ts';
import { describePage } from './page-route.ts';
import { TOKEN_COOKIE } from './sign-in.ts';

const LIVE_PATH = '/events';

/** `state` is older than what the view shows: what was recorded in between is reported at once. */
export function liveAddress(subject: Subject, state: string): string {
  const address = subject === 'everything' ? {} : { ...subject };
  return `${LIVE_PATH}?${new URLSearchParams({ ...address, last_event_id: state }).toString()}`;
}

export function liveRoute({ answer }: ChangeEvents): Route {
  return {
    method: 'GET',
    path: LIVE_PATH,
    access: 'get',
    describe: describePage('Reports to a view that something was recorded'),
    cookie: TOKEN_COOKIE,
    answer,
  };
}
