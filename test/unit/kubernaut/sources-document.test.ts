import { expect, test } from 'vitest';

import type { RecordDefinition } from '../../../src/domain/records/definition.ts';
import { isAddedByPosts, observedColumns } from '../../../src/domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../../src/domain/records/index.ts';
import type { ColumnSource, Paths } from '../../../src/kubernaut/column-source.ts';
import type { KubernautKind } from '../../../src/kubernaut/kind.ts';
import { KUBERNAUT_KINDS } from '../../../src/kubernaut/kinds.ts';
import type { PhaseSources } from '../../../src/kubernaut/read-kind.ts';
import { SHAPES } from '../../../src/kubernaut/resource.ts';

const RECORDS: readonly RecordDefinition[] = RECORD_DEFINITIONS;

/** Every record has them from the identity of its resource; no adapter names them one by one. */
const FROM_IDENTITY = new Set([
  'namespace',
  'remediation_id',
  'remediation_uid',
  'source_kind',
  'source_uid',
  'source_shape',
  'extra',
]);

interface Produced {
  readonly kind: string;
  readonly fragment: boolean;
  readonly phase: PhaseSources['phase'];
  readonly sources: PhaseSources;
}

function producersOf(table: string): readonly Produced[] {
  return KUBERNAUT_KINDS.flatMap(({ kind, phases, fragments = [] }) => [
    ...phases.map((sources) => ({ kind, fragment: false, phase: sources.phase, sources })),
    ...fragments.map((sources) => ({ kind, fragment: true, phase: sources.phase, sources })),
  ]).filter(({ sources }) => sources.definition.table === table);
}

function producedColumns(table: string): ReadonlySet<string> {
  return new Set(
    producersOf(table).flatMap(({ sources: { columns, extra } }) => [
      ...Object.keys(columns),
      ...(extra === undefined ? [] : ['extra']),
    ]),
  );
}

const INTRODUCTION = `# Sources

Where every column of every record comes from, by the generation of kubernaut's resources: G3 from v1.6.0-rc3 on, G2 to v1.5.7,
G1 and G0 before the group \`kubernaut.ai\`, G0a only ever in documents. Written from the adapters in \`src/kubernaut\` by
\`npx vitest run --project unit sources-document --update\`; a test holds the two together.

Generations share groups and versions, so each field is read on every object through the paths of all generations, newest
first, and the first that has a value counts. The generation that an object looks like is only noted, in \`source_shape\`.

- **no source: NULL**: no resource of any generation has it. It stays null unless a post brings it. Nothing is invented.
- **from a sibling**: the resource knows it of a record that is not its own; it waits until that record is there.
- \`namespace\`, \`remediation_id\`, \`remediation_uid\`, \`source_kind\`, \`source_uid\` and \`source_shape\` come from the resource that a
  record is about: its metadata, its reference to the remediation or its owner, its shape. A reference without a uid means the
  remediation of that name that was seen last; until one was, the resource waits. A KubernetesExecution that neither names a
  remediation nor is owned by one has none in its record, and is handled in the name of its WorkflowExecution.
- \`extra\` holds what has no column, by the names below, under \`unrecognised\` fields that no supported generation has, and under
  \`misshapen\` values that their column cannot take, each by its path. Of a post, a word that no vocabulary has stands under
  \`unrecognised/COLUMN\`, and in the column.
- When a resource is larger than may travel, or its columns together more than twice as long as it, the longest texts and lists are
  cut. What is missing, and the hash of the whole, stand in their place. JSON of more than 512 levels is left out below them.
`;

function sourcesTable(definition: RecordDefinition): string {
  const producers = producersOf(definition.table);
  const rows = observedColumns(definition)
    .filter(({ name }) => !FROM_IDENTITY.has(name))
    .flatMap(({ name }) => columnRows(name, producers));
  const header = `| column | phase | from | ${SHAPES.join(' | ')} | how |\n|---|---|---|${'---|'.repeat(SHAPES.length)}---|`;
  return [`## ${definition.table}\n`, header, ...rows, '', ...extraTable(producers)].join('\n');
}

function columnRows(name: string, producers: readonly Produced[]): readonly string[] {
  /** Phases of one kind that read a column alike share a row. */
  const phasesByRow = new Map<string, Set<string>>();
  for (const { kind, phase, fragment, sources } of producers) {
    const columns: Readonly<Record<string, ColumnSource | undefined>> = sources.columns;
    const source = columns[name];
    if (source === undefined) continue;
    const row = `${kind}${fragment ? ' (from a sibling)' : ''} | ${cells(source.paths)} | ${source.how ?? ''} |`;
    phasesByRow.set(row, (phasesByRow.get(row) ?? new Set()).add(phase));
  }
  const rows = [...phasesByRow].map(([row, phases]) => `| ${name} | ${[...phases].join(', ')} | ${row}`);
  const blank = SHAPES.map(() => ' ').join(' | ');
  return rows.length > 0 ? rows : [`| ${name} | – | **no source: NULL** | ${blank} | |`];
}

function cells(paths: Paths): string {
  return SHAPES.map((shape) =>
    [paths[shape] ?? '–']
      .flat()
      .map((path) => (path === '–' ? path : `\`${path}\``))
      .join(', '),
  ).join(' | ');
}

function extraTable(producers: readonly Produced[]): readonly string[] {
  const rows = producers.flatMap(({ kind, sources }) =>
    Object.entries(sources.extra ?? {}).map(([name, paths]) => `| ${name} | ${kind} | ${cells(paths)} |`),
  );
  if (rows.length === 0) return [];
  const header = `| in extra | from | ${SHAPES.join(' | ')} |\n|---|---|${'---|'.repeat(SHAPES.length)}`;
  return [header, ...new Set(rows), ''];
}

function leftOutList({ kind, leftOut }: KubernautKind): readonly string[] {
  return Object.entries(leftOut ?? {}).map(
    ([reason, paths]) => `| ${kind} | ${paths.map((path) => `\`${path}\``).join(', ')} | ${reason} |`,
  );
}

test('docs/sources.md is what the adapters read', async () => {
  const document = [
    INTRODUCTION,
    ...RECORDS.map(sourcesTable),
    '## Left out on purpose\n',
    '| kind | fields | because |\n|---|---|---|',
    ...KUBERNAUT_KINDS.flatMap(leftOutList),
    '',
  ].join('\n');
  await expect(document).toMatchFileSnapshot('../../../docs/sources.md');
});

test.each(RECORDS)(
  'every column of $table is produced by some adapter, or is said to have no source',
  (definition) => {
    const produced = producedColumns(definition.table);
    const columns = observedColumns(definition).filter(({ name }) => !FROM_IDENTITY.has(name));
    const neither = columns.filter(({ name, postedOnly }) => !produced.has(name) && postedOnly !== true);
    const both = columns.filter(({ name, postedOnly }) => produced.has(name) && postedOnly === true);
    expect({ neither: neither.map(({ name }) => name), both: both.map(({ name }) => name) }).toEqual({
      neither: [],
      both: [],
    });
  },
);

/** Columns that a resource of today says, or the watcher by itself, where no path is named. */
function columnsOfToday(table: string): ReadonlySet<string> {
  const sources = producersOf(table).flatMap(({ sources: { columns } }) =>
    Object.entries<ColumnSource | undefined>(columns),
  );
  const ofToday = sources.filter(([, source]) => {
    const generations = Object.keys(source?.paths ?? {});
    return generations.length === 0 || generations.includes(SHAPES[0]);
  });
  return new Set(ofToday.map(([name]) => name));
}

test.each(RECORDS.filter(({ postable }) => postable !== false))(
  'posts add to a watched record of $table what no resource of today says, and nothing else',
  (definition) => {
    const said = columnsOfToday(definition.table);
    const unsaid = observedColumns(definition).filter(
      ({ name }) => !FROM_IDENTITY.has(name) && !said.has(name),
    );
    const added = observedColumns(definition).filter(isAddedByPosts);
    expect(added.map(({ name }) => name)).toEqual(unsaid.map(({ name }) => name));
  },
);
