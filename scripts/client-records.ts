import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { format } from 'oxfmt';

import { columnType } from '../src/domain/column-types.ts';
import type { Column, RecordDefinition } from '../src/domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../src/domain/records/index.ts';

/** `npm run client:records`: writes the client's record types from the definitions; a test compares the two. */
export const CLIENT_RECORDS = fileURLToPath(new URL('../packages/client/src/records.ts', import.meta.url));

const FORMAT = JSON.parse(readFileSync(new URL('../.oxfmtrc.json', import.meta.url), 'utf8')) as Parameters<
  typeof format
>[2];

const HEAD = `// Written by \`npm run client:records\` from the record definitions of the service.

/** RFC 3339 text or a \`Date\`. */
type Time = string | Date;
/** Integer nanoseconds, as Go's \`time.Duration\`, or text such as \`2m3s\`. */
type Duration = number | bigint | string;
/** A \`bigint\` where a number is not exact. */
type Integer = number | bigint;

/** What a post may say about the record itself. */
interface PostedIdentity {
  /** Identifies the record, so that a retry is known as one. */
  readonly id?: string;
  /** Month in which the record lives. Default: the earliest time it carries. */
  readonly created_at?: Time;
  /** Default: the cluster that the service is configured for. */
  readonly cluster?: string;
  /** Orders the states of one record. Default: the latest time it carries. */
  readonly revision?: Integer;
}
`;

export async function clientRecords(): Promise<string> {
  const posted = RECORD_DEFINITIONS.filter(({ postable }) => postable ?? true);
  const kinds = posted.map((record) => `'${record.kind}': ${interfaceName(record)};`);
  const text = [
    HEAD,
    ...posted.map(interfaceText),
    `export interface RecordByKind {\n${kinds.join('\n')}\n}`,
    'export type RecordKind = keyof RecordByKind;\n',
  ].join('\n');
  const { code, errors } = await format(CLIENT_RECORDS, text, FORMAT);
  if (errors.length > 0) throw new Error(`the written types are no TypeScript: ${JSON.stringify(errors)}`);
  return code;
}

function interfaceText(record: RecordDefinition): string {
  const fields = record.columns.filter(({ managed }) => !(managed ?? false)).map(fieldText);
  return `/** ${record.meaning} \`null\` and \`""\` mean absent. */
export interface ${interfaceName(record)} extends PostedIdentity {\n${fields.join('\n')}\n}\n`;
}

function fieldText({ name, type, meaning, required }: Column): string {
  const value = columnType(type).posted.typescript;
  if (required ?? false) return `/** ${meaning} */\nreadonly ${name}: ${value};`;
  return `/** ${meaning} */\nreadonly ${name}?: ${value === 'unknown' ? value : `${value} | null`};`;
}

function interfaceName({ kind }: RecordDefinition): string {
  const words = kind
    .split('-')
    .map((word) => (word === 'ai' ? 'AI' : `${word.charAt(0).toUpperCase()}${word.slice(1)}`));
  return `${words.join('')}Record`;
}

if (import.meta.main) writeFileSync(CLIENT_RECORDS, await clientRecords());
