import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes long, the longest first: none of these begins when all others have ended. The order is all that matters. */
export const LONGEST: readonly string[] = [
  'test/e2e/up.test.ts',
  'test/e2e/bad-input.test.ts',
  'test/e2e/both-away.test.ts',
  'test/e2e/cannot-serve.test.ts',
  'test/archive/restore.test.ts',
  'test/archive/combined-lists.test.ts',
  'test/archive/retention-servers.test.ts',
  'test/archive/store-holds.test.ts',
  'test/archive/retention-kill.test.ts',
  'test/cluster/watcher-services.test.ts',
  'test/e2e/doctor.test.ts',
  'test/archive/retention.test.ts',
  'test/archive/orphans.test.ts',
  'test/e2e/help.test.ts',
  'test/temporal/storms.test.ts',
  'test/archive/expire.test.ts',
  'test/cluster/watcher-schedules.test.ts',
  'test/archive/archive-rows.test.ts',
  'test/e2e/two-clusters.test.ts',
  'test/archive/retention-commands.test.ts',
  'test/cluster/watcher-apiserver.test.ts',
  'test/e2e/install-document.test.ts',
  'test/temporal/retention.test.ts',
  'test/api/generated-clients.test.ts',
  'test/unit/redaction-hostile.test.ts',
  'test/e2e/temporal-server.test.ts',
  'test/unit/redaction-time.test.ts',
  'test/e2e/full-disk.test.ts',
  'test/e2e/bench.test.ts',
  'test/temporal/outages.test.ts',
  'test/cluster/simulator-branches.test.ts',
  'test/archive/restore-kill.test.ts',
  'test/e2e/process-variables.test.ts',
  'test/e2e/first-build.test.ts',
  'test/archive/due-steps.test.ts',
  'test/temporal/story-costs.test.ts',
  'test/cluster/watcher-relist.test.ts',
  'test/archive/parquet.test.ts',
  'test/archive/archive-audit.test.ts',
  'test/e2e/npm-start.test.ts',
  'test/temporal/floods.test.ts',
  'test/archive/moved-records.test.ts',
  'test/e2e/client-package.test.ts',
  'test/e2e/package.test.ts',
  'test/archive/retention-alarms.test.ts',
  'test/cluster/outage-lines.test.ts',
  'test/archive/retention-holds.test.ts',
  'test/unit/prepare-observation.test.ts',
  'test/cluster/sandbox-simulator.test.ts',
  'test/e2e/decode-command.test.ts',
  'test/archive/archive-limits.test.ts',
  'test/archive/retention-disk.test.ts',
  'test/database/migrate-disk.test.ts',
  'test/cluster/sandbox-conformance-real.test.ts',
  'test/archive/commands-read-audit.test.ts',
  'test/cluster/completeness.test.ts',
  'test/e2e/apiserver.test.ts',
  'test/e2e/services.test.ts',
  'test/database/kill.test.ts',
  'test/temporal/reconnect.test.ts',
  'test/e2e/api-token.test.ts',
  'test/cluster/watcher-etcd.test.ts',
  'test/e2e/sources.test.ts',
  'test/cluster/kube-apiserver.test.ts',
  'test/cluster/simulator-command.test.ts',
  'test/cluster/strict-mode-apiserver.test.ts',
];

/** The files of `LONGEST` before all others, of whatever project; the others in vitest's own order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const usual = await super.sort(files);
    return usual.sort((one, other) => rankOf(one) - rankOf(other));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((path) => moduleId.endsWith(path));
  return rank < 0 ? LONGEST.length : rank;
}
