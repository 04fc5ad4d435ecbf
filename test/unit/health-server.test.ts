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
