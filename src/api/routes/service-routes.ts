import { createHash } from 'node:crypto';

import type { Metrics } from '../../observability/metrics.ts';
import { Problem } from '../http/problems.ts';
import type { Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, jsonTextAnswer } from '../http/route.ts';
import type { DescriptionOptions } from '../schemas/openapi.ts';
import { describeApi } from '../schemas/openapi.ts';
import { DOCS_PAGE, DOCS_SCRIPT, DOCS_STYLE } from './docs-page.ts';

const HTML = 'text/html; charset=utf-8';

/**
 * The routes, and two more: the description of all of them, itself included, and a page to try them. Both are
 * public.
 */
export function withDescription(routes: readonly Route[], options: DescriptionOptions): readonly Route[] {
  const described: Route[] = [...routes];
  let text: string | undefined;
  described.push(
    {
      method: 'GET',
      path: '/openapi.json',
      access: 'public',
      describe: {
        summary: 'This description, as OpenAPI 3.1',
        tag: 'service',
        answers: {
          200: { meaning: 'OpenAPI', content: { [JSON_MEDIA_TYPE]: { schema: { type: 'object' } } } },
        },
      },
      answer() {
        // Made at the first request: the two routes below belong to it as well. It stays the same for the
        // life of the process.
        text ??= JSON.stringify(describeApi(described, options));
        return jsonTextAnswer(text);
      },
    },
    {
      method: 'GET',
      path: '/docs',
      access: 'public',
      describe: {
        summary: 'A page to try the service',
        tag: 'service',
        answers: { 200: { meaning: 'The page', content: { 'text/html': { schema: { type: 'string' } } } } },
      },
      answer: () => ({ status: 200, mediaType: HTML, body: DOCS_PAGE, headers: PAGE_HEADERS }),
    },
  );
  return described;
}

/**
 * Only what the page itself holds may run, and it may talk to nobody but this service: a token is typed into
 * it.
 */
const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    `script-src '${sourceHash(DOCS_SCRIPT)}'`,
    `style-src '${sourceHash(DOCS_STYLE)}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
};

/** How a content security policy names a script or style that stands in the page. */
function sourceHash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

const TEXT = 'text/plain; charset=utf-8';

/** What takes records now. */
export type ReadyBy = 'database' | 'temporal';

export interface Readiness {
  /** Throws when nothing can be accepted. */
  check(): Promise<ReadyBy>;
  /** Records that were accepted and are not stored yet. */
  pending(): number;
}

/** Without a word of where either of them is: anybody may ask. */
const READY: Readonly<Record<ReadyBy, string>> = {
  database: 'ok\n',
  temporal:
    'ok: PostgreSQL does not answer; posts are accepted by Temporal and stored when PostgreSQL is back, questions are not answered\n',
};

/**
 * What the platform asks: is it alive, can it take requests, how is it doing. All three are public.
 * `/healthz` asks nobody: it answers while the process lives, also without a database.
 */
export function probeRoutes(readiness: Readiness, metrics: Metrics): readonly Route[] {
  const text = (meaning: string) => ({ meaning, content: { 'text/plain': { schema: { type: 'string' } } } });
  return [
    {
      method: 'GET',
      path: '/healthz',
      access: 'public',
      probe: true,
      describe: { summary: 'Whether the process lives', tag: 'service', answers: { 200: text('It lives') } },
      answer: () => ({ status: 200, mediaType: TEXT, body: 'ok\n' }),
    },
    {
      method: 'GET',
      path: '/readyz',
      access: 'public',
      probe: true,
      describe: {
        summary: 'Whether records can be accepted, by the database or by Temporal',
        tag: 'service',
        answers: { 200: text('They can') },
        problems: ['storage-unavailable'],
      },
      async answer() {
        try {
          return { status: 200, mediaType: TEXT, body: READY[await readiness.check()] };
        } catch (error: unknown) {
          throw new Problem('storage-unavailable', 'neither the database nor Temporal answers', {
            cause: error,
          });
        }
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      access: 'public',
      probe: true,
      describe: { summary: 'Prometheus metrics', tag: 'service', answers: { 200: text('Prometheus text') } },
      async answer() {
        metrics.sources.pending.set(readiness.pending());
        const body = await metrics.registry.metrics();
        return { status: 200, mediaType: metrics.registry.contentType, body };
      },
    },
  ];
}
