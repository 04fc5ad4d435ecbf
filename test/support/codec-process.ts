import { createOpenGate } from '../../src/api/auth/gate.ts';
import { startApi } from '../../src/api/http/server.ts';
import { codecRoutes, openCodec } from '../../src/api/routes/codec-routes.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';

/** The codec server alone, in a process whose memory nothing else takes. Sends its address to the process that forked it. */
const codec = openCodec({ compressAboveBytes: 16_384, keys: [] }, []);
const api = await startApi({
  ...{ host: '127.0.0.1', port: 0, authMode: 'none', allowInsecureBind: false, allowedHosts: [] },
  routes: codec === undefined ? [] : codecRoutes(codec),
  gate: createOpenGate(),
  audit: { trace: () => Promise.resolve(), counts: { count: () => undefined } },
  metrics: createMetrics(),
  logger: createLogger('silent', 'test'),
});
process.send?.(api.url);
process.once('disconnect', () => process.exit());
