import { expect, test } from 'vitest';

import { dataColumns } from '../../src/terminal/data-columns.ts';
import { tableText } from '../../src/terminal/table.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { PLAIN_VIEW } from '../../src/terminal/view.ts';

const ROWS = [
  ['a0ff5593-b537-500e-a552-095de1282454', 'renew-certificate', '29', '00:00:03.190476', 'ConfigError', null],
  [
    '23bc499d-047e-5f34-a079-59a4f3368e01',
    'compact-and-expand-volume',
    '27',
    '1 day 02:00:00',
    'OOMKilled',
    'x',
  ],
];
const TYPES = ['other', 'other', 'number', 'other', 'other', 'other'] as const;
const TITLES = [
  'WORKFLOW_ID',
  'WORKFLOW_NAME',
  'TOTAL_EXECUTIONS',
  'AVG_DURATION',
  'LAST_FAILURE_REASON',
  'NOTE',
];

function shownAt(width: number | undefined): string {
  const columns = dataColumns(
    TITLES.map((title, index) => ({
      title,
      values: ROWS.map((row) => row[index] ?? null),
      type: TYPES[index] ?? 'other',
    })),
  );
  return tableText(columns, ROWS, { ...PLAIN_VIEW, width });
}

test.each([120, 80, 50, 30])(
  'of %i columns none is too many, and what a row is about stays readable',
  (width) => {
    const text = shownAt(width);
    expect(text).toContain('renew-certificate');
    for (const line of text.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(width);
  },
);

test('the id goes before anything is cut beyond recognition, then columns from the right', () => {
  expect(shownAt(80)).toMatchInlineSnapshot(`
    "WORKFLOW_NAME             TOTAL_EXECUTI…  AVG_DURATION     LAST_FA…_REASON  NOTE
    renew-certificate                     29  00:00:03.190476  ConfigError      –
    compact-and-…pand-volume              27  1 day 02:00:00   OOMKilled        x
    "
  `);
  expect(shownAt(50)).toMatchInlineSnapshot(`
    "WORKFLOW_NAME             TOTAL_…  AVG_DURATION
    renew-certificate              29  00:00:03.190476
    compact-and-…pand-volume       27  1 day 02:00:00
    "
  `);
});

test('in a pipe everything is there', () => {
  expect(shownAt(undefined)).toContain('a0ff5593-b537-500e-a552-095de1282454  renew-certificate ');
});
