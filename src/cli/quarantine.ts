import type pg from 'pg';

import { entryJson, findEntry, redriveEntry } from '../api/routes/quarantine-routes.ts';
import type { Config } from '../config/config.ts';
import { UsageError } from '../config/settings.ts';
import { createBatcher } from '../database/recording/batcher.ts';
import { type QuarantineEntry, selectQuarantine } from '../database/recording/quarantine.ts';
import { createRecordStore } from '../database/recording/record-store.ts';
import { isUuid } from '../domain/column-types.ts';
import { MAX_PAGE_SIZE } from '../domain/limits.ts';
import type { Observation } from '../domain/observation.ts';
import { jsonDocument } from '../terminal/json-document.ts';
import { type TableColumn, tableText } from '../terminal/table.ts';
import { safeLines } from '../terminal/text.ts';
import { timeText } from '../terminal/view.ts';
import { noMore, readFlags, readVerb, requiredFlag } from './arguments.ts';
import { withCommandPool } from './command-pool.ts';
import { operatorView } from './operator-view.ts';
import { noteCommand } from './read-audit.ts';

const USAGE = `usage: remediation-audit quarantine <list [--settled] [--limit NUMBER] | show ID | redrive ID --by WHO> [--json]

  list          observations that PostgreSQL refused, oldest first, with the reason; with --settled those that were settled too
  show          one of them with what was observed
  redrive       tries to store it again, and settles its entry when that works; once its cause is gone, which mostly takes an upgrade

  --limit       entries at most, up to ${MAX_PAGE_SIZE}; default 100
  --json        list and redrive as GET /api/v1/quarantine and POST /api/v1/quarantine/ID/redrive answer them, show as an item of the list
`;

const FLAGS = {
  settled: { type: 'boolean' },
  limit: { type: 'string', default: '100' },
  by: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Command = { readonly isJson: boolean } & (
  | { readonly verb: 'list'; readonly settled: boolean; readonly limit: number }
  | { readonly verb: 'show'; readonly id: string }
  | { readonly verb: 'redrive'; readonly id: string; readonly by: string }
);

/** `quarantine list|show|redrive`: as the routes of the API, by the same functions. */
export async function runQuarantine(args: readonly string[]): Promise<void> {
  const command = readCommand(args);
  if (command === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  // Storing takes the rights of audit_writer; reading those of any role.
  const as = command.verb === 'redrive' ? (['url'] as const) : (['readerUrl', 'url', 'ownerUrl'] as const);
  await withCommandPool({ command: 'quarantine', as }, async (pool, config) => {
    const text = await answerOf(command, pool, config);
    process.stdout.write(text);
  });
}

function answerOf(command: Command, pool: pg.Pool, config: Config): Promise<string> {
  switch (command.verb) {
    case 'list':
      return list(command, pool, config);
    case 'show':
      return show(command, pool, config);
    case 'redrive':
      return redrive(command, pool, config);
  }
}

async function list(
  { settled, limit, isJson }: Command & { readonly verb: 'list' },
  pool: pg.Pool,
  config: Config,
): Promise<string> {
  const entries = await selectQuarantine(pool, limit, { settled });
  await noteCommand(pool, config, {
    route: 'quarantine list',
    filter: { settled, limit },
    rows: entries.length,
  });
  if (isJson) return jsonDocument('QuarantineEntryList', JSON.stringify({ items: entries.map(entryJson) }));
  if (entries.length === limit)
    process.stderr.write(`there may be more than these ${limit}; --limit lists more\n`);
  return entries.length === 0 ? emptyText(settled) : listText(entries, settled);
}

function emptyText(settled: boolean): string {
  return settled
    ? 'no observation was ever quarantined\n'
    : 'no observation is quarantined; `quarantine list --settled` also lists those that were settled\n';
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'RECEIVED', goes: 3 },
  { title: 'ID' },
  { title: 'TABLE', cut: 'end', goes: 2 },
  { title: 'CLUSTER', cut: 'middle', goes: 1 },
  { title: 'REFUSALS', align: 'right', cut: 'title', goes: 4 },
  { title: 'REASON', cut: 'end' },
];

function listText(entries: readonly QuarantineEntry[], settled: boolean): string {
  const view = operatorView();
  const rows = entries.map((entry) => [
    ...[timeText(entry.receivedAt, view), entry.id, entry.table, entry.cluster, String(entry.refusals)],
    entry.reason,
    ...(settled ? [settledText(entry)] : []),
  ]);
  return tableText(settled ? [...COLUMNS, { title: 'SETTLED', cut: 'end' }] : COLUMNS, rows, view);
}

function settledText({ resolvedAt, resolvedBy }: QuarantineEntry): string | null {
  return resolvedAt === null
    ? null
    : `by ${resolvedBy ?? 'somebody'}, ${timeText(resolvedAt, operatorView())}`;
}

async function show(
  { id, isJson }: Command & { readonly verb: 'show' },
  pool: pg.Pool,
  config: Config,
): Promise<string> {
  const read = { route: 'quarantine show', filter: { id } };
  const entry = await findEntry(pool, id).catch(async (error: unknown) => {
    // Noted as well: whoever tries ids learns which there are.
    await noteCommand(pool, config, { ...read, rows: 0 });
    throw error;
  });
  await noteCommand(pool, config, { ...read, rows: 1 });
  return isJson ? jsonDocument('QuarantineEntry', JSON.stringify(entryJson(entry))) : entryText(entry);
}

function entryText(entry: QuarantineEntry): string {
  const { payload, ...facts } = entryJson(entry);
  const lines = Object.entries(facts).map(([name, value]) => `${name.padEnd(17)}${value ?? '–'}`);
  const observed = JSON.stringify(JSON.parse(payload), null, 2);
  return `${safeLines([...lines, '', observed].join('\n'))}\n`;
}

/** A person waits: a month that is being archived takes records again within this time, or says that it does not. */
const LONGEST_STORE_MS = 30_000;

async function redrive(
  { id, by, isJson }: Command & { readonly verb: 'redrive' },
  pool: pg.Pool,
  { api }: Config,
): Promise<string> {
  const batcher = createBatcher({ store: createRecordStore(pool, api), maxWaitMs: LONGEST_STORE_MS });
  const keep = async (observations: readonly Observation[]) => {
    const results = await batcher.recordAll(observations);
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  };
  const stored = await redriveEntry(id, { writer: pool, by, durability: { keep } });
  return isJson
    ? jsonDocument('RedrivenEntry', JSON.stringify(stored))
    : `${id}: stored as record ${stored.record_id}, and settled by ${by}\n`;
}

/** Everything that is wrong is said before a database is wanted. */
function readCommand(args: readonly string[]): Command | 'help' {
  const { values, positionals } = readFlags(args, FLAGS);
  const [word, ...ids] = positionals;
  if (word === undefined || values.help === true) return 'help';
  const verb = readVerb('quarantine', word, ['list', 'show', 'redrive']);
  const isJson = values.json === true;
  switch (verb) {
    case 'list':
      noMore('quarantine', ids);
      return { verb, isJson, settled: values.settled === true, limit: limitOf(values.limit) };
    case 'show':
      return { verb, isJson, id: idIn(verb, ids) };
    case 'redrive':
      return { verb, isJson, id: idIn(verb, ids), by: requiredFlag(values, 'by') };
  }
}

function idIn(verb: string, [id = '', ...others]: readonly string[]): string {
  if (isUuid(id) && others.length === 0) return id;
  throw new UsageError(`quarantine ${verb} needs one id, as \`quarantine list\` shows it`);
}

function limitOf(text: string): number {
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_PAGE_SIZE)
    throw new UsageError(`--limit must be from 1 to ${MAX_PAGE_SIZE}, not ${text}`);
  return limit;
}
