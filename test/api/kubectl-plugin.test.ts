import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { recordStories, runPlugin } from '../support/kubectl-plugin.ts';
import { executionObservation } from '../support/observations.ts';

const HOSTILE = '\u001b[2J\u001b[31mred\u009b2J\u202etfel\u0007 🚀 支払い <b>&amp;</b>';

let database: TestDatabase;
let api: FastifyInstance;
let server: string;
let approved: string;

beforeAll(async () => {
  database = await createTestDatabase();
  api = createTestApi(database);
  server = await api.listen({ port: 0, host: '127.0.0.1' });
  [approved = ''] = await recordStories(database, [
    ['approval-granted', 20],
    ['execution-failed', 3],
    ['cancelled-by-deletion', 7],
  ]);
  await createRecordStore(database.writer).record([
    executionObservation({
      table: 'remediation_audit',
      key: naturalKey('00000000-0000-4000-8000-000000000001'),
      phase: 'progress',
      cluster: 'hostile',
      createdAt: '2026-09-02T00:00:00.000000Z',
      columns: {
        remediation_id: 'rr-hostile',
        remediation_uid: '00000000-0000-4000-8000-000000000001',
        namespace: 'attack',
        target_namespace: 'attack',
        target_kind: 'Deployment',
        target_name: HOSTILE,
        signal_name: HOSTILE.repeat(40),
        overall_phase: HOSTILE,
        failure_reason: `${HOSTILE}\nsecond line`,
        started_at: '2026-09-02T00:00:00.000000Z',
      },
    }),
  ]);
});
afterAll(async () => {
  await api.close();
  await database.close();
});

const ask = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runPlugin(args, { REMEDIATION_AUDIT_SERVER: server, ...env });

/** What a terminal would obey or reverse; the line feed alone may be there. */
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

describe('tables', () => {
  test('list has one row per remediation, the newest first', async () => {
    const { code, stdout, stderr } = await ask(['list', '--cluster', 'G3', '--utc'], { COLUMNS: '140' });
    expect(stdout).toMatchInlineSnapshot(`
      "             STARTED  NAME                      TARGET             SIGNAL             WORKFLOW           PHASE      OUTCOME             TOOK
      2026-09-01T09:00:00Z  rr-0dbefdf2d5d3-f314652a  orders/S…t/orders  KubePers…illingUp  compact-…d-volume  Completed  Remediated         13m7s
      2026-09-01T09:00:00Z  rr-a6977347d7a2-1b6ca1c3  storefro…aler/web  KubeHpaMaxedOut    raise-au…-maximum  Executing  deleted-before-t…  3d15h
      2026-09-01T09:00:00Z  rr-0dbefdf2d5d3-5103c720  orders/S…t/orders  KubePers…illingUp  compact-…d-volume  Failed     Container compac…  3m36s
      "
    `);
    expect([code, stderr]).toEqual([0, '']);
  });

  test('list is narrow on a narrow terminal, and keeps the names', async () => {
    const { stdout } = await ask(['list', '--cluster', 'G3', '--utc'], { COLUMNS: '72' });
    expect(stdout).toMatchInlineSnapshot(`
      "             STARTED  NAME                      TARGET         PHASE
      2026-09-01T09:00:00Z  rr-0dbefdf2d5d3-f314652a  orders…orders  Completed
      2026-09-01T09:00:00Z  rr-a6977347d7a2-1b6ca1c3  storef…er/web  Executing
      2026-09-01T09:00:00Z  rr-0dbefdf2d5d3-5103c720  orders…orders  Failed
      "
    `);
  });

  test('show fits into ten seconds', async () => {
    const { stdout } = await ask(['show', approved, '--utc'], { COLUMNS: '100' });
    expect(stdout).toMatchInlineSnapshot(`
      "orders/StatefulSet/orders: KubePersistentVolumeFillingUp, compact-and-expand-volume, Completed
      (Remediated) in 13m7s, Approved by dana@example.com

      remediation   G3/kubernaut-system/rr-0dbefdf2d5d3-f314652a
      uid           47edf2b2-1456-5381-aeac-85262f94b035
      started       2026-09-01T09:00:00Z
      what          KubePersistentVolumeFillingUp, critical, production, P0
      why           Growth is steady at 1.1Gi an hour; the storage class allows expansion.
      confidence    0.93
      because       Volume data-orders-0 will be full within 3 hours
      recommended   compact-and-expand-volume
      decided       person, Approved, by dana@example.com (self-reported, via kubectl),
                    2026-09-01T09:04:09Z, Looks right, go ahead
      written by    managed-fields: gateway, remediationorchestrator-controller, signalprocessing-control…
      executed      compact-and-expand-volume, orders/StatefulSet/orders, Completed, in 2m42s
      outcome       Completed, Remediated
      verified      Full, health 1, alert 1, metrics 0.82
      missing       nothing

      Pending           2026-09-01T09:00:00Z  0s
      Processing        2026-09-01T09:00:00Z  2s      ▇
      Analyzing         2026-09-01T09:00:02Z  2m7s    ▇▇▇▇▇▇▇▇
      AwaitingApproval  2026-09-01T09:02:09Z  2m8s    ▇▇▇▇▇▇▇▇
      Executing         2026-09-01T09:04:17Z  2m43s   ▇▇▇▇▇▇▇▇▇▇▇
      Verifying         2026-09-01T09:07:00Z  6m7s    ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
      total                                   13m7s
      "
    `);
    expect(stdout.split('\n').length).toBeLessThan(28);
  });

  test('why gives the root cause, the confidence, the grounds and the alternatives', async () => {
    const { stdout } = await ask(['why', approved, '--utc'], { COLUMNS: '100' });
    expect(stdout).toMatchInlineSnapshot(`
      "orders/StatefulSet/orders: KubePersistentVolumeFillingUp, compact-and-expand-volume, Completed
      (Remediated) in 13m7s, Approved by dana@example.com

      remediation   G3/kubernaut-system/rr-0dbefdf2d5d3-f314652a
      root cause    Growth is steady at 1.1Gi an hour; the storage class allows expansion.
      confidence    0.93
      because       Volume data-orders-0 will be full within 3 hours
      examined      proportionality: compact-and-expand-volume changes nothing else
                    target accuracy: StatefulSet orders owns what the signal is about
                    scope completeness: no other workload shows the signal
                    causal completeness: Growth is steady at 1.1Gi an hour; the storage class allows
                    expansion.
                    evidence sufficiency: events, logs and metrics of the last hour agree
                    regression awareness: the last three changes were looked at
                    alternative hypotheses: a failing dependency was looked for and not found
                    confidence calibration: the same cause was confirmed twice before
      recommended   compact-and-expand-volume
      alternative   06254732-1271-5c71-aa7d-428ffbad3541, confidence 0.41, Only notifies the owner of
                    orders: safe, and does not help
      decided       person, Approved, by dana@example.com (self-reported, via kubectl),
                    2026-09-01T09:04:09Z, Looks right, go ahead
      missing       nothing
      "
    `);
  });

  test('timeline has one line per event', async () => {
    const { stdout } = await ask(['timeline', approved, '--utc'], { COLUMNS: '100' });
    expect(stdout.split('\n').slice(0, 3).join('\n')).toMatchInlineSnapshot(`
      "2026-09-05T00:00:00Z  gateway                           signal received: KubePersistentVolumeFillin…
      2026-09-05T00:00:00Z  remediationorche…ator-controller  remediation Pending
      2026-09-05T00:00:00Z  remediationorche…ator-controller  remediation Processing"
    `);
    expect(stdout).toMatch(/^\S+Z {2}dana@example.com +approval Approved by dana@example.com: Look/m);
  });

  test('report lists the reports, and answers one', async () => {
    expect((await ask(['report'], { COLUMNS: '80' })).stdout).toMatch(
      /^NAME +QUESTION +PARAM…?\S*\nrecent-failures +Which executions failed/,
    );
    const { stdout, stderr } = await ask(['report', 'workflow-outcomes', '--since', '3650d', '-o', 'csv']);
    expect(stdout).toMatch(/^workflow_id,workflow_name,/);
    expect(stderr).toMatch(/^\d+ rows, of \d+ records\n/);
  });

  test.each([40, 80])('no line is wider than a terminal of %i columns', async (width) => {
    for (const args of [
      ['list'],
      ['timeline', approved],
      ['show', 'rr-hostile'],
      ['report', 'workflow-outcomes', '--since', '3650d'],
    ]) {
      const { stdout } = await ask(args, { COLUMNS: String(width) });
      for (const line of stdout.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(width);
    }
  });
});

describe('hostile texts', () => {
  test.each(['table', 'wide', 'json', 'yaml', 'name'])(
    'move no cursor and colour nothing: list as %s',
    async (format) => {
      const { code, stdout } = await ask(['list', '--cluster', 'hostile', '-o', format]);
      expect([code, stdout.includes('rr-hostile')]).toEqual([0, true]);
      expect(stdout).not.toMatch(OBEYED);
    },
  );

  test.each(['show', 'why', 'timeline'])('move no cursor and colour nothing: %s', async (command) => {
    const { code, stdout } = await ask([command, 'rr-hostile']);
    expect([code, stdout === '']).toEqual([0, false]);
    expect(stdout).not.toMatch(OBEYED);
  });

  test('are in JSON and CSV for programs as they were recorded', async () => {
    const { stdout } = await ask(['list', '--cluster', 'hostile', '-o', 'json']);
    const { items } = JSON.parse(stdout) as { items: { target_name: string }[] };
    expect(items[0]?.target_name).toBe(HOSTILE);
    expect((await ask(['list', '--cluster', 'hostile', '-o', 'csv'])).stdout).toContain(HOSTILE);
  });

  test('in arguments are not obeyed in errors', async () => {
    const { code, stderr } = await ask(['show', HOSTILE]);
    expect(code).not.toBe(0);
    expect(stderr).not.toMatch(OBEYED);
  });
});

describe('formats', () => {
  test('name gives what show takes', async () => {
    const { stdout } = await ask(['list', '--cluster', 'G3', '-o', 'name', '--limit', '1']);
    const { code, stdout: shown } = await ask(['show', stdout.trim(), '-o', 'name']);
    expect([code, shown]).toEqual([0, stdout]);
  });

  test('yaml says the same as json', async () => {
    for (const args of [['list'], ['show', approved], ['why', approved], ['timeline', approved], ['gaps']]) {
      const [json, yaml] = await Promise.all(['json', 'yaml'].map((format) => ask([...args, '-o', format])));
      const parsed: unknown = JSON.parse(json?.stdout ?? '');
      expect(parse(yaml?.stdout ?? '')).toEqual(parsed);
      expect(parsed).toMatchObject({
        apiVersion: 'remediation-audit/v1',
        kind: expect.any(String) as string,
      });
    }
  });

  test('csv has a line of names and one per row', async () => {
    const { stdout } = await ask(['list', '--cluster', 'G3', '-o', 'csv']);
    const [header, ...rows] = stdout.trimEnd().split('\r\n');
    expect(header).toMatch(/^cluster,namespace,remediation_id,remediation_uid,created_at/);
    expect(rows).toHaveLength(3);
  });

  test('that a command does not have are refused', async () => {
    const { code, stderr } = await ask(['show', approved, '-o', 'csv']);
    expect(stderr).toBe('kubectl remediation: --output takes table, wide, json, yaml, name here, not csv\n');
    expect(code).toBe(2);
  });
});
