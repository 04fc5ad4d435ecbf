import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';

import { repositoryPath } from '../support/repository.ts';
import { resolveServer } from '../support/servers.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
}

interface Series {
  readonly series: string;
  readonly values: string;
}

const run = promisify(execFile);
const LISTED = 'remediation_audit_last_good_list_timestamp_seconds';
const NEXT_RUN = 'remediation_audit_schedule_next_run_timestamp_seconds';
const RULES_FILE = repositoryPath('deploy/chart/alerts.yaml');
let folder: string;
let promtool: string;
let rules: readonly Rule[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alerts-test-'));
  promtool = await resolveServer('promtool');
  const { groups } = parse(await readFile(RULES_FILE, 'utf8')) as { groups: { rules: Rule[] }[] };
  rules = groups.flatMap((group) => group.rules);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Unless a series says otherwise there is a watcher, and it lists. */
const LISTED_JUST_NOW: Series = { series: `${LISTED}{cluster="a",kind="k"}`, values: '0+60x10000' };

/** Holds what fires, at each of the times, after the series went as they did, against what is expected; promtool evaluates. */
async function expectFiring(
  series: readonly Series[],
  expected: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const isListed = series.some(({ series: name }) => name.startsWith(LISTED));
  const scenario = {
    interval: '1m',
    input_series: isListed ? series : [...series, LISTED_JUST_NOW],
    promql_expr_test: Object.entries(expected).map(([time, alerts]) => ({
      expr: 'count by (severity, alertname) (ALERTS{alertstate="firing"})',
      eval_time: time,
      exp_samples: alerts.map((alert) => {
        const [severity, alertname] = alert.split(' ');
        return { labels: `{severity="${severity}", alertname="${alertname}"}`, value: 1 };
      }),
    })),
  };
  const file = join(folder, `${randomUUID()}.yaml`);
  await writeFile(file, stringify({ rule_files: [RULES_FILE], tests: [scenario] }));
  await run(promtool, ['test', 'rules', file]).catch((error: unknown) => {
    throw new Error((error as { stdout: string }).stdout);
  });
}

test('promtool takes the rules', async () => {
  const { stdout } = await run(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', RULES_FILE]);
  expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
});

test('docs/operations.md has a section for every rule, in their order, and for no other', async () => {
  const page = await readFile(repositoryPath('docs/operations.md'), 'utf8');
  const sections = [...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(sections).toEqual(rules.map(({ alert }) => alert));
});

describe('an alert fires', () => {
  test('for nothing while all is well', () =>
    expectFiring(
      [
        { series: 'remediation_audit_gaps{cluster="a",reason="overdue"}', values: '4x600' },
        { series: 'remediation_audit_gaps{cluster="a",reason="flapping"}', values: '1x600' },
        { series: 'remediation_audit_partitions_ahead', values: '3x600' },
        { series: `${NEXT_RUN}{schedule="audit-retention"}`, values: '90000x600' },
      ],
      { '5h': [] },
    ));

  test('when nobody lists, after a quarter of an hour', () =>
    expectFiring([{ series: LISTED, values: '_x600' }], {
      '10m': [],
      '20m': ['critical RemediationAuditWatcherAbsent'],
    }));

  test('when the last good list is an hour old, and louder after four', () =>
    expectFiring([{ series: `${LISTED}{cluster="a",kind="AIAnalysis"}`, values: '0x600' }], {
      '59m': [],
      '62m': ['warning RemediationAuditClusterNotListed'],
      '242m': [
        'critical RemediationAuditClusterNotListedForHours',
        'warning RemediationAuditClusterNotListed',
      ],
    }));

  test('when less than two hours remain before something unrecorded may be deleted', () =>
    expectFiring(
      [{ series: 'remediation_audit_least_retention_seconds{cluster="a"}', values: '14400-60x600' }],
      {
        '1h': [],
        '125m': ['critical RemediationAuditResourceMayBeDeletedUnrecorded'],
      },
    ));

  test('when something stays unrecorded for an hour, and louder after four', () =>
    expectFiring([{ series: 'remediation_audit_gaps{cluster="a",reason="not-recorded"}', values: '1x600' }], {
      '30m': [],
      '61m': ['warning RemediationAuditGaps'],
      '241m': ['critical RemediationAuditGapsForHours', 'warning RemediationAuditGaps'],
    }));

  test.each([
    ['remediation_audit_cluster_restored{cluster="a"}', '1x60', 'critical RemediationAuditClusterRestored'],
    [
      'remediation_audit_missed_on_relist_total{kind="k"}',
      '_x20 1x40',
      'warning RemediationAuditMissedByWatch',
    ],
    [
      'remediation_audit_unrecorded_releases_total{kind="k"}',
      '_x20 1x40',
      'critical RemediationAuditReleasedUnrecorded',
    ],
    [
      'remediation_audit_states_reduced_total{kind="k"}',
      '_x20 1x40',
      'critical RemediationAuditStatesReduced',
    ],
    [
      'remediation_audit_strict_rights_missing{kind="k"}',
      '1x60',
      'warning RemediationAuditStrictRightsMissing',
    ],
    ['remediation_audit_signal_queue_age_seconds', '0+60x60', 'warning RemediationAuditSignalsWait'],
    [
      'remediation_audit_signal_errors_total{reason="signal-limit"}',
      '_x25 1+1x40',
      'warning RemediationAuditSignalsRefused',
    ],
    [
      'remediation_audit_watch_lost_runs_total{result="gone"}',
      '_x20 1x40',
      'critical RemediationAuditRunsLost',
    ],
    ['remediation_audit_watch_flapping_resources', '1x60', 'warning RemediationAuditResourceFlaps'],
    ['remediation_audit_recording_errors_total', '0+1x60', 'warning RemediationAuditRecordingFails'],
    ['remediation_audit_observations_quarantined_total', '_x20 1x40', 'warning RemediationAuditQuarantined'],
    [
      'remediation_audit_payloads_refused_total{reason="elsewhere"}',
      '_x25 1x40',
      'critical RemediationAuditPayloadsRefused',
    ],
    [
      'remediation_audit_archive_alarms_total',
      '_x20 1x40',
      'critical RemediationAuditArchiveIsNotWhatItShouldBe',
    ],
    [
      'remediation_audit_record_differences{month="2026-08"}',
      '_x20 3x40',
      'critical RemediationAuditRecordsDiffer',
    ],
    [
      'remediation_audit_api_admissions_total{result="unavailable"}',
      '_x25 1+1x40',
      'warning RemediationAuditCallersCannotBeJudged',
    ],
    [
      'remediation_audit_api_records_turned_away_total',
      '0+1x60',
      'warning RemediationAuditRecordsTurnedAway',
    ],
    ['remediation_audit_api_records_deferred_total', '0+1x60', 'warning RemediationAuditRecordsDeferred'],
    [
      'remediation_audit_api_records_far_from_receipt_total{kind="ai-analysis"}',
      '0+5x60',
      'warning RemediationAuditPostsFarFromReceipt',
    ],
    [
      'remediation_audit_api_records_total{kind="ai-analysis",result="refused"}',
      '0+1x60',
      'warning RemediationAuditPostsRefused',
    ],
    [
      'kubernaut_workflowexecution_audit_record_errors_total{job="controller"}',
      '0+1x60',
      'warning RemediationAuditSourceRecordsFail',
    ],
    [
      'kubernaut_kubernetesexecutor_audit_storage_attempts_total{job="executor",status="error"}',
      '0+1x60',
      'warning RemediationAuditSourceRecordsFail',
    ],
    [
      'kubernaut_signal_processing_audit_storage_attempts_total{job="serve",status="error"}',
      '0+1x60',
      'warning RemediationAuditSourceRecordsFail',
    ],
    [
      'remediation_audit_api_tokens_file_unusable',
      '0x10 1x50',
      'critical RemediationAuditTokensFileUnusable',
    ],
  ])('when %s goes %s', (series, values, alert) => expectFiring([{ series, values }], { '35m': [alert] }));

  test.each([
    ['remediation_audit_partitions_ahead', '1x600', 'critical RemediationAuditMonthsAhead'],
    [`${NEXT_RUN}{schedule="audit-retention"}`, '600x600', 'warning RemediationAuditScheduleLate'],
  ])('when %s stays at %s', (series, values, alert) => expectFiring([{ series, values }], { '2h': [alert] }));

  test('when a schedule stays paused for days', () =>
    expectFiring([{ series: 'remediation_audit_schedule_paused{schedule="s"}', values: '1x6000' }], {
      '2d': [],
      '73h': ['warning RemediationAuditSchedulePaused'],
    }));
});
