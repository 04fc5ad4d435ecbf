import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { labelled } from '../../query/remediation/labelled-lines.ts';
import { type TableColumn, tableText } from '../../terminal/table.ts';
import { timeText, type View } from '../../terminal/view.ts';
import type { PluginCommand } from '../command.ts';
import type { CommandAnswer } from '../output/format.ts';
import { type Asked, FLAGS_OF_ONE, readOne, TAKES_ONE } from './about-one.ts';
import { pathOf } from './address.ts';
import { objectsIn, shownAt, textAt, unsearchedRemarks } from './answers.ts';
import {
  choosePair,
  HASH_WIDTH,
  type Observation,
  observationOf,
  observedText,
  type Pair,
  readPair,
  type WantedPair,
} from './observations.ts';

/** As many as the service looks through for the two that are compared. */
const MOST_OBSERVATIONS = '2000';

export const DIFF: PluginCommand = {
  summary:
    'what differs between two observations of one record of a remediation; without more, the newest two',
  takes: TAKES_ONE,
  flags: {
    record: {
      type: 'string',
      value: 'RECORD',
      meaning: 'Its id, or its kind where it has one record; default remediation',
    },
    from: { type: 'string', value: 'HASH', meaning: 'Beginning of the content hash of the earlier one' },
    to: { type: 'string', value: 'HASH', meaning: 'Beginning of the content hash of the later one' },
    list: { type: 'boolean', meaning: 'Show the observations that can be compared, with their hashes' },
    ...FLAGS_OF_ONE,
  },
  formats: ['table', 'wide', 'json', 'yaml', 'csv'],
  examples: ['diff rr-6f3a', 'diff rr-6f3a --list', 'diff rr-6f3a --from 5d41402a --to 7d793037'],
  prepare(line) {
    const find = readOne('diff', line);
    const wanted = readPair(line);
    const isList = line.values['list'] === true;
    return async (connected) => {
      const asked = await find(connected);
      const ledger = await asked.client.get(`${pathOf(asked.address)}/ledger`, {
        ...asked.query,
        limit: MOST_OBSERVATIONS,
      });
      return isList ? listAnswer(ledger, wanted) : await diffAnswer(asked, ledger, wanted);
    };
  },
};

async function diffAnswer(
  { client, address, query }: Asked,
  ledger: JsonObject,
  wanted: WantedPair,
): Promise<CommandAnswer> {
  const pair = choosePair(
    objectsIn(ledger['items']).flatMap((entry) => observationOf(entry) ?? []),
    wanted,
  );
  const { from, to } = pair;
  const data = await client.get(`${pathOf(address)}/diff`, {
    ...query,
    record: from.record,
    from: from.hash,
    to: to.hash,
  });
  const items = objectsIn(data['items']);
  return {
    kind: 'RemediationDiff',
    data,
    text: (view, isWide) => diffText(pair, items, { view, isWide }),
    csv: {
      header: DIFFERENCE_FIELDS,
      rows: items.map((item) => [textAt(item, 'path'), sideOf(item, 'before'), sideOf(item, 'after')]),
    },
    remarks: [
      ...(items.length === 0 ? ['the two observations say the same'] : []),
      ...(data['is_complete'] === false ? [`there are more differences than these ${items.length}`] : []),
      ...laterRemarks(ledger),
      ...unsearchedRemarks(data),
    ],
  };
}

/** Of a remediation with so many the service compares the first. */
function laterRemarks(ledger: JsonObject): string[] {
  if (textAt(ledger, 'next_cursor') === null) return [];
  return [
    `only the first ${objectsIn(ledger['items']).length} observations can be compared; GET …/ledger of the API has all`,
  ];
}

const DIFFERENCE_FIELDS = ['path', 'before', 'after'];

const DIFFERENCE_COLUMNS: readonly TableColumn[] = [
  { title: 'PATH', cut: 'middle' },
  { title: 'BEFORE', cut: 'end' },
  { title: 'AFTER', cut: 'end' },
];

interface Shown {
  readonly view: View;
  readonly isWide: boolean;
}

function diffText({ from, to }: Pair, items: readonly JsonObject[], { view, isWide }: Shown): string {
  const head = [
    ...labelled('record', `${from.kind} ${from.record}`, view),
    ...labelled('from', observedText(from, view), view),
    ...labelled('to', observedText(to, view), view),
  ];
  const rows = items.map((item) => [
    isWide ? textAt(item, 'path') : (textAt(item, 'path') ?? '').replace(/^\//, ''),
    sideOf(item, 'before'),
    sideOf(item, 'after'),
  ]);
  const table = items.length === 0 ? '' : `\n${tableText(DIFFERENCE_COLUMNS, rows, view)}`;
  return `${head.join('\n')}\n${table}`;
}

/** Null where that observation says nothing; an empty text and a JSON null are something. */
function sideOf(item: JsonObject, side: 'before' | 'after'): string | null {
  const value: JsonValue | undefined = item[side];
  if (value === undefined) return null;
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
}

const OBSERVATION_FIELDS = [
  'observed_at',
  'kind',
  'record_id',
  'phase',
  'actor',
  'source_version',
  'content_hash',
];

const OBSERVATION_COLUMNS: readonly TableColumn[] = [
  { title: 'OBSERVED', align: 'right' },
  { title: 'HASH' },
  { title: 'KIND', cut: 'end' },
  { title: 'PHASE', cut: 'end', goes: 2 },
  { title: 'ACTOR', cut: 'middle', goes: 1 },
];

/** The observations of one record, or of all. */
function listAnswer(ledger: JsonObject, { record }: WantedPair): CommandAnswer {
  const entries = objectsIn(ledger['items']).filter(
    (entry) => record === undefined || [entry['record_id'], entry['kind']].includes(record),
  );
  return {
    kind: 'RemediationLedger',
    data: { ...ledger, items: entries },
    text: (view, isWide) => (entries.length === 0 ? '' : listText(entries, { view, isWide })),
    csv: {
      header: OBSERVATION_FIELDS,
      rows: entries.map((entry) => OBSERVATION_FIELDS.map((field) => shownAt(entry, field))),
    },
    remarks: [
      ...(entries.length === 0 ? ['no such observation is recorded'] : []),
      ...laterRemarks(ledger),
      ...unsearchedRemarks(ledger),
    ],
  };
}

function listText(entries: readonly JsonObject[], { view, isWide }: Shown): string {
  const rows = entries.map((entry) => {
    const at = textAt(entry, 'observed_at');
    const known: Observation | undefined = observationOf(entry);
    return [
      at === null ? null : timeText(at, view),
      (isWide ? known?.hash : known?.hash.slice(0, HASH_WIDTH)) ?? null,
      textAt(entry, 'kind'),
      textAt(entry, 'phase'),
      textAt(entry, 'actor'),
      ...(isWide ? [textAt(entry, 'record_id')] : []),
    ];
  });
  const columns = isWide ? [...OBSERVATION_COLUMNS, { title: 'RECORD' }] : OBSERVATION_COLUMNS;
  return tableText(columns, rows, view);
}
