import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { completenessText } from '../../src/cli/completeness-text.ts';
import { findingsText } from '../../src/cli/doctor-text.ts';
import { holdsText } from '../../src/cli/hold-text.ts';
import type { Hold } from '../../src/database/holds/holds.ts';
import type { Completeness } from '../../src/database/reading/completeness.ts';
import type { Finding } from '../../src/doctor/check.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { PLAIN_VIEW, type View } from '../../src/terminal/view.ts';
import { repositoryPath } from '../support/repository.ts';

/*
 * What operators see on terminals of 40, 80 and 200 columns, and what a pipe gets, as files beside this one: read them after a change
 * (`npx vitest run --project unit operator-tables --update`).
 */

const ESCAPE = '\u001b[31m';
const counts = { cluster: 'prod-1', ever: 40, present: 31 };

const COMPLETENESS: Completeness = {
  clusters: [
    {
      cluster: 'prod-1',
      state: 'incomplete',
      detail:
        'the newest state of 15 resources is not recorded, and the watcher was last heard of 12 minutes ago',
      first_watched_at: '2026-08-30T06:00:00Z',
      reported_at: '2026-09-01T10:00:00Z',
    },
    { cluster: 'prod-2', state: 'unknown', detail: null, first_watched_at: null, reported_at: null },
  ],
  kinds: [
    { ...counts, kind: 'RemediationRequest', seen: 31, recorded: 26, waiting: 1, open: 3, overdue: 0 },
    {
      ...{ ...counts, kind: 'RemediationApprovalRequest' },
      ...{ seen: null, recorded: null, waiting: null, open: null, overdue: null },
    },
  ],
  verdicts: [
    { cluster: 'prod-1', verdict: 'deleted-before-terminal', remediations: 2 },
    { cluster: 'prod-1', verdict: 'open', remediations: 3 },
    { cluster: 'prod-1', verdict: 'terminal', remediations: 412 },
  ],
  gaps: [
    {
      ...{ cluster: 'prod-1', reason: 'overdue', kind: 'RemediationRequest', namespace: 'kubernaut-system' },
      ...{ name: 'rr-payments-api-6f3a', remediation_uid: '00000000-0000-4000-8000-000000000001' },
      ...{ detail: `open for three hours ${ESCAPE}`, since: '2026-09-01T07:00:00Z' },
    },
    {
      ...{ cluster: 'prod-1', reason: 'quarantined', kind: null, namespace: null, name: null },
      ...{ remediation_uid: '00000000-0000-4000-8000-000000000002', detail: null, since: null },
    },
  ],
  has_more_gaps: false,
};

const HOLDS: readonly Hold[] = [
  {
    id: '00000000-0000-4000-8000-00000000000a',
    scope: { cluster: 'prod-1', namespace: 'payments', from: '2026-03-01T00:00:00Z' },
    reason: `case 17, as counsel asked on the second of September ${ESCAPE}`,
    ...{ placedBy: 'dana@example.com', placedAt: '2026-09-01T10:00:00.000000Z' },
    archive: [
      { month: '2026-03', state: 'held', objects: 5 },
      { month: '2026-04', state: 'unsupported', objects: 5 },
    ],
  },
  {
    ...{
      id: '00000000-0000-4000-8000-00000000000b',
      scope: { target: '支払い/Deployment/api' },
      reason: 'case 18',
    },
    ...{ placedBy: 'lee', placedAt: '2026-08-01T10:00:00.000000Z', archive: [] },
    ...{ releasedBy: 'dana@example.com', releasedAt: '2026-08-20T10:00:00.000000Z' },
  },
];

const FINDINGS: readonly Finding[] = [
  { check: 'database 127.0.0.1:5432/audit', state: 'ok', found: 'PostgreSQL 18.4, 3 ms' },
  {
    check: 'temporal namespace',
    state: 'wrong',
    found: `namespace audit is not there ${ESCAPE}`,
    remedy: 'make the namespace: `temporal operator namespace create --namespace audit --retention 168h`',
  },
  { check: 'search attributes', state: 'not checked', found: 'because temporal namespace is wrong' },
  { check: 'archive', state: 'not configured', found: 'REMEDIATION_AUDIT_ARCHIVE_URL is not set' },
];

const TABLES: Readonly<Record<string, (view: View) => string>> = {
  completeness: (view) => completenessText(COMPLETENESS, view),
  'hold-list': (view) => holdsText(HOLDS, view),
  doctor: (view) => findingsText(FINDINGS, view),
};

const WIDTHS = [40, 80, 200, undefined];

describe.each(Object.entries(TABLES))('%s', (name, textOf) => {
  test('is as it was looked at, at each width and in a pipe', async () => {
    const texts = WIDTHS.map((width) => {
      const where = width === undefined ? 'in a pipe' : `${width} columns`;
      return `--- ${where}\n${textOf({ ...PLAIN_VIEW, width })}`;
    });
    await expect(texts.join('\n')).toMatchFileSnapshot(
      repositoryPath(`test/unit/fixtures/tables/${name}.txt`),
    );
  });

  test.each(WIDTHS)('fits a terminal of %j columns, and obeys nothing of it', (width) => {
    const text = textOf({ ...PLAIN_VIEW, width });
    expect(text).not.toContain('\u001b');
    for (const line of text.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(width ?? 1_000);
  });

  test('has the same words in colour, and colour only where it is wanted', () => {
    const coloured = textOf({ ...PLAIN_VIEW, width: 80, isColoured: true });
    expect(coloured).toContain('\u001b[');
    expect(coloured.replaceAll(/\u001b\[\d*m/g, '')).toBe(textOf({ ...PLAIN_VIEW, width: 80 }));
  });
});

test('in a pipe each finding of the doctor is one line, with the remedy at its end', () => {
  const lines = findingsText(FINDINGS, PLAIN_VIEW).trimEnd().split('\n');
  expect(lines).toHaveLength(FINDINGS.length);
  expect(lines[1]).toMatch(/--retention 168h`$/);
});

test('README.md shows completeness as the command prints it', () => {
  const kind = { cluster: 'default', ever: 40, present: 31, overdue: 0 };
  const shown: Completeness = {
    clusters: [
      {
        ...{ cluster: 'default', state: 'incomplete', first_watched_at: null, reported_at: null },
        detail: 'the newest state of 15 resources is not recorded',
      },
    ],
    kinds: [
      { ...kind, kind: 'AIAnalysis', seen: 27, recorded: 25, waiting: 1, open: 1 },
      { ...kind, kind: 'RemediationRequest', seen: 31, recorded: 26, waiting: 1, open: 3 },
      { ...kind, kind: 'WorkflowExecution', seen: 18, recorded: 16, waiting: 0, open: 0 },
    ],
    verdicts: [
      { cluster: 'default', verdict: 'open', remediations: 3 },
      { cluster: 'default', verdict: 'terminal', remediations: 28 },
    ],
    ...{ gaps: [], has_more_gaps: false },
  };
  expect(readFileSync(repositoryPath('README.md'), 'utf8')).toContain(
    `\n\`\`\`\n${completenessText(shown, { ...PLAIN_VIEW, width: 80 })}`,
  );
});
