import type { Spend } from './budget.ts';
import { COST } from './budget.ts';
import type { Replace } from './rule.ts';
import type { Quoted } from './values.ts';
import { readQuoted } from './values.ts';

// Secrets of Kubernetes as they stand in text: manifests in YAML, JSON that is only a part of the text, and what Go prints.

const SECRET_LINE = /^[ \t]*(?:- )?["']?kind["']?[ \t]*:[ \t]*["']?Secret(?:List)?["']?[ \t]*(?:#.*)?$/;
const DOCUMENT_END = /^(?:---|\.\.\.)(?:\s|$)/;
const DATA_LINE = /^((?:[ \t]|- )*)["']?(?:data|stringData)["']?[ \t]*:(.*)$/;
const ENTRY_LINE = /^([ \t]*["']?[\w.-]{1,253}["']?[ \t]*:)[ \t]*(.*)$/;

/** What takes the place of one secret value. */
type ReplaceValue = (value: string) => string;

/** Replaces the values below `data` and `stringData` in YAML documents that hold a Secret. */
export const replaceSecretsInYaml: Replace = (text, { redact, spend }) => {
  if (!mayHoldManifest(text)) return text;
  for (let line = text.indexOf('\n'); line >= 0; line = text.indexOf('\n', line + 1)) spend(COST.line);
  const lines = text.split('\n');
  const result: string[] = [];
  for (let start = 0; start < lines.length;) {
    let end = start + 1;
    while (end < lines.length && !DOCUMENT_END.test(lines[end] ?? '')) end += 1;
    const document = lines.slice(start, end);
    if (document.some((line) => SECRET_LINE.test(line.trimEnd()))) replaceData(document, redact, result);
    // Not spread into one call: a text of 130,000 lines has more of them than a call takes arguments.
    else for (const line of document) result.push(line);
    start = end;
  }
  return result.join('\n');
};

function mayHoldManifest(text: string): boolean {
  return text.includes('\n') && /data["']?[ \t]*:/i.test(text);
}

function replaceData(lines: readonly string[], replace: ReplaceValue, result: string[]): void {
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    const [isData, inline] = readDataLine(line);
    result.push(
      inline === undefined ? line : `${line.slice(0, line.length - inline.length)}${replace(inline)}`,
    );
    if (!isData || inline !== undefined) continue;
    const entries = blockBelow(lines, index);
    for (const entry of replaceEntries(entries, replace)) result.push(entry);
    index += entries.length;
  }
}

/** The lines that are indented further than the one at `index`. */
function blockBelow(lines: readonly string[], index: number): readonly string[] {
  const indent = indentOf(lines[index] ?? '');
  let end = index + 1;
  while (end < lines.length && (isBlank(lines[end]) || indentOf(lines[end] ?? '') > indent)) end += 1;
  return lines.slice(index + 1, end);
}

function replaceEntries(lines: readonly string[], replace: ReplaceValue): string[] {
  const indent = indentOf(lines.find((line) => !isBlank(line)) ?? '');
  // What is indented further than the first entry continues a value that has been replaced already.
  return lines
    .filter((line) => isBlank(line) || indentOf(line) <= indent)
    .map((line) => (isBlank(line) ? line : replaceEntry(line, replace)));
}

function isBlank(line: string | undefined): boolean {
  return line === undefined || line.trim() === '';
}

/** Whether a line begins a block of data, and the text of the data if it stands on the same line: `data: {a: b}`. */
function readDataLine(line: string): [data: boolean, inline: string | undefined] {
  const match = DATA_LINE.exec(line);
  const rest = match?.[2]?.trim() ?? '';
  if (match === null || rest === '' || rest.startsWith('#')) return [match !== null, undefined];
  return [true, rest === '{}' || rest === 'null' ? undefined : rest];
}

function replaceEntry(line: string, replace: ReplaceValue): string {
  const [, name = '', value = ''] = ENTRY_LINE.exec(line.trimEnd()) ?? [];
  // A line of another form cannot be distinguished from a value, so it counts as one.
  if (name === '') return `${line.slice(0, indentOf(line))}${replace(line.trim())}`;
  return value === '' ? line : `${name} ${replace(value)}`;
}

/** Columns before the first letter; the dash of a list counts as white space. */
function indentOf(line: string): number {
  return /^(?:[ \t]|- )*/.exec(line)?.[0].length ?? 0;
}

const SECRET_MEMBER = /\\{0,8}"kind\\{0,8}"\s{0,8}:\s{0,8}\\{0,8}"Secret(?:List)?\\{0,8}"/;
const DATA_MEMBER = /\\{0,8}"(?:data|stringData)\\{0,8}"\s{0,8}:\s{0,8}\{/g;
const ENTRY_NAME = /[\s,]{0,64}\\{0,8}"[\w.-]{1,253}\\{0,8}"\s{0,8}:\s{0,8}(?=\\{0,8}")/y;
const LONGEST_VALUE = 2 * 1024 * 1024;

/** The same in fragments of JSON, as a log or an error message quotes them, however often escaped. */
export const replaceSecretsInJsonText: Replace = (text, { redact, spend }) => {
  if (!SECRET_MEMBER.test(text)) return text;
  let result = '';
  let done = 0;
  for (const data of text.matchAll(DATA_MEMBER)) {
    spend(COST.start);
    if (data.index < done) continue;
    for (const { start, end } of valuesOf(text, data.index + data[0].length, spend)) {
      result += text.slice(done, start) + redact(text.slice(start, end));
      done = end;
    }
  }
  return result + text.slice(done);
};

function* valuesOf(text: string, start: number, spend: Spend): Generator<Quoted> {
  ENTRY_NAME.lastIndex = start;
  for (let name = ENTRY_NAME.exec(text); name !== null; name = ENTRY_NAME.exec(text)) {
    const value = readQuoted(text, ENTRY_NAME.lastIndex, LONGEST_VALUE);
    if (value === undefined) {
      // All that follows was searched for the end of this one.
      spend((text.length - ENTRY_NAME.lastIndex) * COST.character);
      return;
    }
    spend(COST.start + value.end - value.start);
    yield value;
    ENTRY_NAME.lastIndex = value.next;
  }
}

/** A text with this may hold a Secret as Go prints it. */
export const GO_SECRET = /\bSecret\{/;
const GO_MAP = /\b(?:Data:map\[string\]\[\](?:byte|uint8)|StringData:map\[string\]string)\{/g;
/** A name and its bytes: `password: [104 117],` of %v, `"password":[]uint8{0x68, 0x75}` of %#v. */
const GO_BYTES = /\s{0,8}"?[\w.-]{1,253}"?:\s{0,8}(\[[\d ]*\]|\[\](?:byte|uint8)\{[^{}]*\})(?:,\s{0,8})?/dy;
const GO_MAP_END = ',}';

/**
 * The same in `&Secret{…,Data:map[string][]byte{password: [104 117],},…}`, as programs in Go print objects in their errors.
 * A map that is not read entry by entry, as one that was cut off, loses all that it holds.
 */
export const replaceSecretsInGoDumps: Replace = (text, { redact, spend }) => {
  let result = '';
  let done = 0;
  const lastEnd = text.lastIndexOf(GO_MAP_END);
  for (const map of text.matchAll(GO_MAP)) {
    spend(COST.start);
    const start = map.index + map[0].length;
    if (map.index < done || text.charAt(start) === '}') continue;
    const entries = [...bytesOf(text, start, spend), ...valuesOf(text, start, spend)];
    const end = start > lastEnd ? text.length : text.indexOf(GO_MAP_END, start);
    for (const entry of entries.length > 0 ? entries : [{ start, end }]) {
      spend(entry.end - entry.start);
      result += text.slice(done, entry.start) + redact(text.slice(entry.start, entry.end));
      done = entry.end;
    }
  }
  return result + text.slice(done);
};

function* bytesOf(text: string, from: number, spend: Spend): Generator<Pick<Quoted, 'start' | 'end'>> {
  GO_BYTES.lastIndex = from;
  for (let entry = GO_BYTES.exec(text); entry !== null; entry = GO_BYTES.exec(text)) {
    const [start, end] = entry.indices?.[1] ?? [0, 0];
    const next = GO_BYTES.lastIndex;
    spend(COST.start);
    yield { start, end };
    GO_BYTES.lastIndex = next;
  }
}
