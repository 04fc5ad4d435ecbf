import { expect, test } from 'vitest';

import type { Column, RecordDefinition } from '../../src/domain/records/definition.ts';
import { DESCRIBED_TABLES } from '../../src/domain/records/index.ts';
import type { ServiceTable } from '../../src/domain/records/service-tables.ts';
import { SERVICE_TABLES } from '../../src/domain/records/service-tables.ts';

const RECORDS: readonly RecordDefinition[] = DESCRIBED_TABLES;

const INTRODUCTION = `# Records

The tables that hold the audit, and those that keep it safe. Written from the definitions in \`src/domain/records\` by
\`npx vitest run --project unit records-document --update\`; a test holds the two together.

Names in JSON are the names of the columns. Types are PostgreSQL's; in JSON an interval is an integer number of nanoseconds
and a time is RFC 3339. How observations of one record combine in a column: the newest value wins and null never erases
one, unless the column says otherwise.

- **identifies a post**: a posted record must carry it.
- **posted only**: no resource of any generation carries it, so it stays null unless a post brings it. Nothing is invented.
  \`docs/sources.md\` says where the others come from.
- **added by posts**: today's resources do not say it, though older ones did. It and what is posted only are all that a post adds to
  the columns of a record that a resource has: what else posts say of it stands in \`extra.posted\`, with who posted it under \`by\`.
- **written by the store**: decided by it, also where a post carries one.
`;

function notesOf(column: Column): string[] {
  const { vocabulary = [], aliases = [], members = {} } = column;
  const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  const notes: [applies: boolean, note: string][] = [
    [column.required === true, '**identifies a post**'],
    [column.postedOnly === true, '**posted only**'],
    [column.addedByPosts === true, '**added by posts**'],
    [column.managed === true, '**written by the store**'],
    [column.fold !== undefined, FOLD_NOTES[column.fold ?? 'newest']],
    [vocabulary.length > 0, `one of ${list(vocabulary)}`],
    [aliases.length > 0, `a post may call it ${list(aliases)}`],
    ...Object.entries(members).map(([name, type]): [boolean, string] => [
      true,
      `\`${name}\` in it is ${type}`,
    ]),
  ];
  return notes.filter(([applies]) => applies).map(([, note]) => note);
}

const FOLD_NOTES = {
  newest: 'the newest value wins',
  earliest: 'the earliest value wins',
  union: 'keys of all observations, per key the newest',
  rank: 'the later word of its list wins',
} as const;

function recordTable({
  table,
  meaning,
  kind,
  postable = true,
  partitioned = true,
  columns,
}: RecordDefinition): string {
  const facts = [
    postable ? `posted to \`/api/v1/audit/${kind}\`` : 'not posted',
    partitioned
      ? 'one partition per month of created_at, primary key (id, created_at)'
      : 'not partitioned, primary key id',
  ];
  const rows = columns.map(
    (column) =>
      `| ${column.name} | ${column.type}${column.notNull === true ? ' not null' : ''} | ${[column.meaning, ...notesOf(column)].join('; ')} |`,
  );
  return `## ${table}\n\n${meaning} ${capitalised(facts.join('; '))}.\n\n| column | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function serviceTable({ table, meaning, partitioned = false, columns }: ServiceTable): string {
  const rows = columns.map(
    (column) =>
      `| ${column.name} | ${column.type}${column.notNull === true ? ' not null' : ''} | ${column.meaning} |`,
  );
  const month = partitioned ? ' One partition per month of created_at.' : '';
  return `### ${table}\n\n${meaning}${month}\n\n| column | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

test('docs/records.md is what the definitions say', async () => {
  const services: readonly ServiceTable[] = SERVICE_TABLES;
  const document = [
    INTRODUCTION,
    ...RECORDS.map(recordTable),
    '## Tables of the service itself\n',
    ...services.map(serviceTable),
  ].join('\n');
  await expect(document).toMatchFileSnapshot('../../docs/records.md');
});
