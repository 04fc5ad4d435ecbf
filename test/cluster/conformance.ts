import { afterAll, beforeAll } from 'vitest';

import { describeAccess } from './conformance-access.ts';
import { describeApply } from './conformance-apply.ts';
import { installDefinition, readDefinitions } from './conformance-client.ts';
import type { ConformingServer } from './conformance-cluster.ts';
import { ConformanceCluster } from './conformance-cluster.ts';
import { describeDeletion } from './conformance-deletion.ts';
import { describeLists } from './conformance-lists.ts';
import { describeWatches } from './conformance-watches.ts';
import { describeWrites } from './conformance-writes.ts';

/**
 * What a server must do to count as a Kubernetes API for our purposes. It runs against the sandbox and against a real
 * API server: where the two differ, the real one is right.
 */
export function describeConformance(start: () => Promise<ConformingServer>): void {
  const cluster = new ConformanceCluster();

  beforeAll(async () => {
    cluster.connect(await start());
    const definitions = await readDefinitions();
    await Promise.all(definitions.map((definition) => installDefinition(cluster.client, definition)));
  });

  afterAll(async () => {
    await cluster.client.close();
  });

  describeLists(cluster);
  describeWatches(cluster);
  describeWrites(cluster);
  describeDeletion(cluster);
  describeApply(cluster);
  describeAccess(cluster);
}
