// The source documents as data: tests take what they hold the service to out of the text, so that nothing is retyped.
import { readFileSync } from 'node:fs';

import { repositoryPath } from '../support/repository.ts';

export const SOURCES = ['000', '001', '002', '003', '004'] as const;
export type Source = (typeof SOURCES)[number];

export function textOf(source: Source): string {
  return readFileSync(repositoryPath(`test/sources/${source}.md`), 'utf8');
}

/** One fenced block of a document. */
export interface Block {
  readonly source: Source;
  /** Line of the document on which the block begins. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

const FENCE = /^```(\w*)\n(.*?)^```$/gms;

export function blocksOf(source: Source, language: string): readonly Block[] {
  const document = textOf(source);
  return Array.from(document.matchAll(FENCE), (match): Block => {
    const line = document.slice(0, match.index).split('\n').length + 1;
    return { source, line, language: match[1] ?? '', text: match[2] ?? '' };
  }).filter((block) => block.language === language);
}

/** One SQL statement, without the remarks before it. */
export interface Statement {
  readonly source: Source;
  readonly line: number;
  readonly text: string;
}

/** Every statement of every document, in their order. No text in them holds a semicolon but at its end. */
export function statements(): readonly Statement[] {
  return SOURCES.flatMap((source) => blocksOf(source, 'sql').flatMap(statementsOf));
}

function statementsOf({ source, line, text }: Block): Statement[] {
  return Array.from(text.matchAll(/[^;]+;/g), (match): Statement => {
    const remarks = /^(?:\s*--[^\n]*\n|\s+)*/.exec(match[0])?.[0] ?? '';
    const before = text.slice(0, match.index + remarks.length);
    return { source, line: line + before.split('\n').length - 1, text: match[0].slice(remarks.length) };
  });
}

/** The questions, in the order of the documents. */
export function queries(): readonly Statement[] {
  return statements().filter(({ text }) => text.startsWith('SELECT'));
}

/** One column of a `CREATE TABLE`, with the words of its type and constraints. */
export interface SourceColumn {
  readonly source: Source;
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly constraints: string;
}

const CREATE = /^CREATE TABLE (\w+) \((.*)\);$/s;
const COLUMN = /^ {4}([a-z_]+)\s+((?:TIMESTAMP WITH TIME ZONE|\w+)(?:\([\d,]+\))?)([^,]*?)(?:,.*)?(?:--.*)?$/;

/** The columns of the tables that the documents define; partitions and indexes are no columns. */
export function sourceColumns(): readonly SourceColumn[] {
  return statements().flatMap(({ source, text }) => {
    const [, table = '', body = ''] = CREATE.exec(text) ?? [];
    return body.split('\n').flatMap((line): SourceColumn[] => {
      const [, name, type = '', constraints = ''] = COLUMN.exec(line) ?? [];
      return name === undefined ? [] : [{ source, table, name, type, constraints: constraints.trim() }];
    });
  });
}

/** One index that a document defines with its table. */
export interface SourceIndex {
  readonly source: Source;
  readonly table: string;
  readonly columns: readonly string[];
  /** The line that defines it. */
  readonly text: string;
}

export function sourceIndexes(): readonly SourceIndex[] {
  return statements().flatMap(({ source, text }) => {
    const [, table = '', body = ''] = CREATE.exec(text) ?? [];
    return Array.from(body.matchAll(/INDEX \w+ (?:USING \w+ )?\(([\w, ]+)\)/g), ([line, columns = '']) => {
      const names = columns.split(', ').map((column) => column.split(' ')[0] ?? '');
      return { source, table, columns: names, text: line };
    });
  });
}

/** One field of a Go struct. */
export interface GoField {
  readonly name: string;
  readonly type: string;
  /** Its name in JSON. */
  readonly json: string;
  readonly omitsEmpty: boolean;
}

export interface GoStruct {
  readonly source: Source;
  readonly name: string;
  readonly fields: readonly GoField[];
}

const STRUCT = /^type (\w+) struct \{\n(.*?)^\}$/gms;
const FIELD = /^\s+(\w+)\s+(\S+)\s+`json:"(\w+)(,omitempty)?"[^`]*`/;

/** The structs of a document that travel as JSON, each by its fields and their tags. */
export function goStructs(source: Source): readonly GoStruct[] {
  return blocksOf(source, 'go')
    .flatMap(({ text }) => [...text.matchAll(STRUCT)])
    .map(([, name = '', body = '']) => ({ source, name, fields: body.split('\n').flatMap(fieldOf) }))
    .filter(({ fields }) => fields.length > 0);
}

function fieldOf(line: string): GoField[] {
  const [, name, type = '', json = '', omitted] = FIELD.exec(line) ?? [];
  return name === undefined ? [] : [{ name, type, json, omitsEmpty: omitted !== undefined }];
}

/** One metric as client_golang is given it. */
export interface SourceMetric {
  readonly source: Source;
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly label: string | undefined;
  /** Words that the label may have, where the document lists them. */
  readonly words: readonly string[];
  /** Upper bounds in seconds. */
  readonly buckets: readonly number[];
}

const METRIC =
  /promauto\.New(Counter|Gauge|Histogram)(?:Vec)?\(prometheus\.\w+Opts\{(.*?)\}(?:, \[\]string\{"(\w+)"\})?\)(?: \/\/ ([^\n]*))?/gs;

export function sourceMetrics(): readonly SourceMetric[] {
  return SOURCES.flatMap((source) =>
    blocksOf(source, 'go').flatMap(({ text }) =>
      [...text.matchAll(METRIC)].map((match) => metricOf(source, match)),
    ),
  );
}

function metricOf(source: Source, [, kind = '', options = '', label, words]: RegExpExecArray): SourceMetric {
  const option = (name: string): string => new RegExp(`${name}:\\s+"([^"]*)"`).exec(options)?.[1] ?? '';
  return {
    source,
    name: option('Name'),
    help: option('Help'),
    type: kind.toLowerCase() as SourceMetric['type'],
    label,
    words: words?.split(', ') ?? [],
    buckets: bucketsOf(options),
  };
}

function bucketsOf(options: string): readonly number[] {
  const [, start, factor, count] = /ExponentialBuckets\(([\d.]+), ([\d.]+), (\d+)\)/.exec(options) ?? [];
  if (count !== undefined)
    return Array.from({ length: Number(count) }, (_, power) => Number(start) * Number(factor) ** power);
  return (/\[\]float64\{([^}]*)/.exec(`${options}}`)?.[1] ?? '').split(', ').filter(Boolean).map(Number);
}
