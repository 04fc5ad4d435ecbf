import type { Metrics } from '../../observability/metrics.ts';
import { Problem } from '../http/problems.ts';
import type { Route } from '../http/route.ts';

const TEXT = 'text/plain; charset=utf-8';

export interface Readiness {
  /** Throws when nothing can be accepted. */
  check(): Promise<void>;
  /** Records that were accepted and are not stored yet. */
  pending(): number;
}

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
      describe: { summary: 'Whether the process lives', tag: 'service', answers: { 200: text('It lives') } },
      answer: () => ({ status: 200, mediaType: TEXT, body: 'ok\n' }),
    },
    {
      method: 'GET',
      path: '/readyz',
      access: 'public',
      describe: {
        summary: 'Whether records can be accepted, by the database or by Temporal',
        tag: 'service',
        answers: { 200: text('They can') },
        problems: ['storage-unavailable'],
      },
      async answer() {
        try {
          await readiness.check();
        } catch (error: unknown) {
          throw new Problem('storage-unavailable', 'neither the database nor Temporal answers', {
            cause: error,
          });
        }
        return { status: 200, mediaType: TEXT, body: 'ok\n' };
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      access: 'public',
      describe: { summary: 'Prometheus metrics', tag: 'service', answers: { 200: text('Prometheus text') } },
      async answer() {
        metrics.sources.pending.set(readiness.pending());
        const body = await metrics.registry.metrics();
        return { status: 200, mediaType: metrics.registry.contentType, body };
      },
    },
  ];
}
