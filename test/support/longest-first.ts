import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes long, the longest first. The order is all that matters. */
export const LONGEST: readonly string[] = [
  'test/e2e/bench.soak.test.ts',
  'test/cluster/watcher-services.soak.test.ts',
  'test/temporal/outages.test.ts',
  'test/cluster/watcher-apiserver.soak.test.ts',
  'test/temporal/retention.test.ts',
  'test/e2e/up.test.ts',
  'test/cluster/outage-lines.soak.test.ts',
  'test/e2e/two-clusters.soak.test.ts',
  'test/page/away.test.ts',
  'test/page/views.test.ts',
  'test/temporal/story-costs.soak.test.ts',
  'test/cluster/simulator-branches.test.ts',
  'test/archive/restore.test.ts',
  'test/page/hostile.test.ts',
  'test/e2e/both-away.soak.test.ts',
  'test/e2e/install-document.soak.test.ts',
  'test/page/remediation.test.ts',
  'test/e2e/bad-input.test.ts',
  'test/e2e/cannot-serve.test.ts',
  'test/cluster/sandbox-conformance-real.soak.test.ts',
  'test/temporal/reconnect.soak.test.ts',
  'test/cluster/sandbox-simulator.test.ts',
  'test/temporal/restore.test.ts',
  'test/cluster/watcher-etcd.soak.test.ts',
  'test/cluster/watcher-schedules.test.ts',
  'test/page/live.test.ts',
  'test/temporal/connection.test.ts',
  'test/deploy/alerts.test.ts',
  'test/archive/retention-kill.test.ts',
  'test/archive/store-holds.test.ts',
  'test/e2e/doctor.test.ts',
  'test/archive/retention-servers.test.ts',
  'test/temporal/floods.test.ts',
  'test/temporal/overflow.soak.test.ts',
  'test/api/generated-clients.soak.test.ts',
  'test/temporal/flapping.soak.test.ts',
  'test/database/embedded-postgres-users.test.ts',
  'test/archive/archive-limits.test.ts',
  'test/api/openapi.test.ts',
  'test/archive/retention-commands.test.ts',
  'test/archive/combined-lists.test.ts',
  'test/e2e/temporal-server.soak.test.ts',
  'test/e2e/full-disk.soak.test.ts',
  'test/archive/orphans.test.ts',
  'test/archive/retention.test.ts',
  'test/e2e/apiserver.test.ts',
  'test/temporal/storms.test.ts',
  'test/unit/redaction-time.test.ts',
  'test/page/on-call.test.ts',
  'test/database/embedded-postgres.test.ts',
  'test/archive/expire.test.ts',
  'test/temporal/remediation-audit.test.ts',
  'test/archive/restore-kill.test.ts',
  'test/replay/histories.test.ts',
  'test/archive/commands-read-audit.test.ts',
  'test/cluster/completeness.test.ts',
  'test/api/kubectl-plugin-process.test.ts',
  'test/api/limits.test.ts',
  'test/temporal/embedded-temporal.test.ts',
  'test/api/hostile-posts.test.ts',
  'test/archive/retention-holds.test.ts',
  'test/cluster/watcher-relist.test.ts',
  'test/deploy/chart.test.ts',
  'test/archive/archive-rows.test.ts',
  'test/cluster/strict-mode-apiserver.test.ts',
  'test/archive/retention-alarms.test.ts',
  'test/temporal/workflow-view.test.ts',
  'test/temporal/workflow-bundle.test.ts',
  'test/unit/redaction-hostile.test.ts',
  'test/temporal/history-cost.test.ts',
  'test/database/embedded-postgres-trouble.test.ts',
  'test/unit/prepare-observation.test.ts',
  'test/cluster/kube-apiserver.test.ts',
  'test/api/client.test.ts',
  'test/temporal/limits.test.ts',
  'test/page/differences.test.ts',
  'test/database/sqlstate-network.test.ts',
  'test/database/command-schemas.test.ts',
  'test/cluster/sandbox-conformance.test.ts',
  'test/api/large-remediation.soak.test.ts',
  'test/api/kubectl-connections.test.ts',
  'test/e2e/npm-start.test.ts',
  'test/e2e/first-build.soak.test.ts',
  'test/temporal/lost-runs.test.ts',
  'test/temporal/temporal-on-postgres.test.ts',
  'test/temporal/posts-outage.test.ts',
  'test/cluster/strict-mode.test.ts',
  'test/api/kubernetes-auth.test.ts',
  'test/temporal/recording-failures.test.ts',
  'test/archive/parquet.test.ts',
  'test/api/kill.test.ts',
  'test/database/sqlstate.test.ts',
  'test/database/list-kill.test.ts',
  'test/database/waiting-at-a-terminal.test.ts',
  'test/page/keyboard.test.ts',
  'test/api/kubectl-plugin.test.ts',
];

/**
 * Project by project in the order of the configuration, in each the files of `LONGEST` before the others, which are in vitest's own order: a
 * worker is kept for the next file only where that is of the same project, and a new one costs a second.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { projects } = this.ctx;
    const usual = await super.sort(files);
    return usual.sort(
      (one, other) =>
        projects.indexOf(one.project) - projects.indexOf(other.project) || rankOf(one) - rankOf(other),
    );
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((path) => moduleId.endsWith(path));
  return rank < 0 ? LONGEST.length : rank;
}
