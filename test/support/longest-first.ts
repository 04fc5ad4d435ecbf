import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes long, the longest first: none of these begins when all others have ended. The order is all that matters. */
export const LONGEST: readonly string[] = [
  'test/e2e/up.test.ts',
  'test/cluster/watcher-schedules.test.ts',
  'test/e2e/bad-input.test.ts',
  'test/cluster/watcher-services.test.ts',
  'test/archive/restore.test.ts',
  'test/archive/retention-servers.test.ts',
  'test/e2e/both-away.test.ts',
  'test/archive/retention-kill.test.ts',
  'test/cluster/watcher-apiserver.test.ts',
  'test/archive/store-holds.test.ts',
  'test/e2e/cannot-serve.test.ts',
  'test/temporal/storms.test.ts',
  'test/cluster/outage-lines.test.ts',
  'test/temporal/retention.test.ts',
  'test/archive/combined-lists.test.ts',
  'test/archive/retention-commands.test.ts',
  'test/api/generated-clients.test.ts',
  'test/e2e/help.test.ts',
  'test/archive/retention.test.ts',
  'test/temporal/outages.test.ts',
  'test/e2e/two-clusters.test.ts',
  'test/cluster/simulator-command.test.ts',
  'test/cluster/completeness.test.ts',
  'test/e2e/install-document.test.ts',
  'test/temporal/story-costs.test.ts',
  'test/archive/expire.test.ts',
  'test/temporal/floods.test.ts',
  'test/e2e/first-build.test.ts',
  'test/archive/commands-read-audit.test.ts',
  'test/database/migrate-disk.test.ts',
  'test/cluster/sandbox-conformance-real.test.ts',
  'test/database/kill.test.ts',
  'test/temporal/reconnect.test.ts',
  'test/e2e/client-package.test.ts',
  'test/e2e/temporal-server.test.ts',
  'test/cluster/watcher-etcd.test.ts',
  'test/archive/retention-disk.test.ts',
  'test/cluster/simulator-branches.test.ts',
  'test/archive/restore-kill.test.ts',
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
