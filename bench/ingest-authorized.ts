import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startKubeApiserver } from '../dev/servers/kube-apiserver/kube-apiserver.ts';
import { resolveServer } from '../test/support/servers.ts';
import { clusterAdmin, createPoster } from '../test/support/service-account.ts';
import type { Figure } from './harness.ts';
import { compare, ratePerSecond, summarise } from './harness.ts';
import type { LoadResult } from './http-load.ts';
import { postAll, requestOf } from './http-load.ts';
import { inChunks, newPosts } from './post-rows.ts';
import { type Service, startService } from './service-process.ts';

/** Where a cluster says who may post, beside one that lets anybody. */
export interface AuthorizedLoad {
  readonly bench: string;
  readonly path: string;
  readonly authorized: URL;
  readonly open: URL;
  readonly token: string;
  readonly rows: number;
  readonly rounds: number;
}

const SINGLE_CLIENTS = 32;
const BATCH_CLIENTS = 4;
const BATCH_SIZE = 500;

/** What authorization costs, in the loads that kubernaut's own data service was measured with. */
export async function measureAuthorized(load: AuthorizedLoad): Promise<Figure[]> {
  const latencies = { p50: [] as number[], p99: [] as number[] };
  const name = `single, ${SINGLE_CLIENTS} clients, kubernetes authorization`;
  const rate = await compare({
    bench: load.bench,
    metric: name,
    unit: 'records/s',
    rounds: load.rounds,
    figure: () =>
      post(load, load.authorized, 1, ({ latenciesMs }) => {
        latencies.p50.push(latenciesMs[Math.floor(latenciesMs.length * 0.5)] ?? 0);
        latencies.p99.push(latenciesMs[Math.floor(latenciesMs.length * 0.99)] ?? 0);
      }),
    ceiling: () => post(load, load.open, 1),
  });
  const batches = await compare({
    bench: load.bench,
    metric: `batches of ${BATCH_SIZE}, ${BATCH_CLIENTS} clients, kubernetes authorization`,
    unit: 'records/s',
    rounds: load.rounds,
    figure: () => post(load, load.authorized, BATCH_SIZE),
    ceiling: () => post(load, load.open, BATCH_SIZE),
  });
  const also = (metric: 'p50' | 'p99'): Figure =>
    // The first run only warmed up.
    summarise({ bench: load.bench, metric: `${name}, ${metric}`, unit: 'ms' }, latencies[metric].slice(1));
  return [rate, also('p50'), also('p99'), batches];
}

function post(
  { path, rows, token }: AuthorizedLoad,
  target: URL,
  size: number,
  look: (result: LoadResult) => void = () => undefined,
): Promise<number> {
  const bodies = newPosts(rows);
  const requests =
    size === 1
      ? bodies.map((body) => requestOf(target, path, body, token))
      : inChunks(bodies, size).map((some) =>
          requestOf(target, `${path}/batch`, `[${some.join(',')}]`, token),
        );
  return ratePerSecond(rows, async () => {
    look(await postAll(target, requests, size === 1 ? SINGLE_CLIENTS : BATCH_CLIENTS));
  });
}

export interface AuthorizedService extends AsyncDisposable {
  readonly service: Service;
  readonly token: string;
}

/** A real API server, in it a service account that may post, and the service that asks it. */
export async function startAuthorizedService(databaseUrl: string): Promise<AuthorizedService> {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
  const binaries = { etcd: await resolveServer('etcd'), apiserver: await resolveServer('kube-apiserver') };
  const cluster = await startKubeApiserver({ dataDir, binaries });
  const admin = clusterAdmin(cluster.kubeconfigPath);
  await createPoster(admin, 'poster');
  const service = startService(databaseUrl, 'stored', cluster.kubeconfigPath);
  return {
    service,
    token: await admin.tokenOf('poster'),
    async [Symbol.asyncDispose]() {
      await service.stop();
      await cluster.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
