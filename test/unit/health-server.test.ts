import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';

import { startHealthServer } from '../../src/observability/health-server.ts';

test('a metric that cannot be read is a 500 without the reason, which is in the log', async () => {
  const lines: unknown[] = [];
  const registry = new Registry();
  registry.metrics = () => Promise.reject(new Error('a secret of the code'));
  const health = await startHealthServer({
    host: '127.0.0.1',
    port: 0,
    registry,
    notReady: () => undefined,
    logger: pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  });
  const answer = await fetch(`http://127.0.0.1:${health.port}/metrics`);
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('secret');
  expect(lines).toMatchObject([{ url: '/metrics', reason: 'a secret of the code' }]);
  expect((await fetch(`http://127.0.0.1:${health.port}/readyz`)).status).toBe(200);
  await health.stop();
});

test('no answer is kept by a cache or read as something else, be it one, none or a failure', async () => {
  const registry = new Registry();
  registry.metrics = () => Promise.reject(new Error('a defect'));
  const health = await startHealthServer({
    ...{ host: '127.0.0.1', port: 0, registry, notReady: () => 'the lists are not complete' },
    logger: pino({ enabled: false }),
    answers: { '/completeness': () => Promise.resolve({ gaps: [] }) },
  });
  for (const path of ['/healthz', '/readyz', '/completeness', '/metrics', '/nothing']) {
    const { headers } = await fetch(`http://127.0.0.1:${health.port}${path}`);
    expect(headers.get('cache-control'), path).toBe('no-store');
    expect(headers.get('x-content-type-options'), path).toBe('nosniff');
  }
  await health.stop();
});
