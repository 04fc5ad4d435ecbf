import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe } from 'vitest';

import type { KubeApiserver } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';
import { startKubeApiserver } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';
import { resolveServer } from '../support/servers.ts';
import { describeConformance } from './conformance.ts';

describe('a real API server', () => {
  let server: KubeApiserver | undefined;
  let dataDir: string | undefined;

  afterAll(async () => {
    await server?.stop();
    if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
  });

  describeConformance(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'conformance-'));
    const binaries = { apiserver: await resolveServer('kube-apiserver'), etcd: await resolveServer('etcd') };
    const started = (server = await startKubeApiserver({
      dataDir,
      binaries,
      // Every two seconds etcd forgets what is older than that; watches and recent pages come from memory until a restart.
      apiserverFlags: ['--etcd-compaction-interval=2s'],
    }));
    return {
      address: { url: started.url, token: started.token, ca: started.caPem },
      forget: () => started.restartApiserver(),
    };
  });
});
