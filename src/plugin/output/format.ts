import { csvField } from '../../domain/csv.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { API_VERSION } from '../../terminal/json-document.ts';
import type { Cell } from '../../terminal/table.ts';
import { safeLines, safeText } from '../../terminal/text.ts';
import type { View } from '../../terminal/view.ts';
import { yamlText } from './yaml.ts';

export const OUTPUT_FORMATS = ['table', 'wide', 'json', 'yaml', 'csv', 'name'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export const COLOUR_CHOICES = ['auto', 'always', 'never'] as const;
export type ColourChoice = (typeof COLOUR_CHOICES)[number];

/** What a command has found, for every format that it has. */
export interface CommandAnswer {
  /** Names what `json` and `yaml` hold, beside the version of their form. */
  readonly kind: string;
  readonly data: JsonObject;
  /** For people; `isWide` cuts nothing and shows more. */
  text(view: View, isWide: boolean): string;
  /** Rows for `csv`, below a line with the names of the fields. */
  readonly csv?: { readonly header: readonly string[]; readonly rows: readonly (readonly Cell[])[] };
  /** For `name`: one line each, as `show` takes them. */
  readonly names?: readonly string[];
  /** Sentences for standard error: what the answer does not say by itself. */
  readonly remarks?: readonly string[];
  /** Whether nobody ever watched what was asked about. Default false. */
  readonly isNeverWatched?: boolean;
}

/** The answer in one format, with the line break at its end. `isTerminal` says whether a terminal would obey it. */
export function formattedAnswer(
  answer: CommandAnswer,
  format: OutputFormat,
  { view, isTerminal }: { readonly view: View; readonly isTerminal: boolean },
): string {
  switch (format) {
    case 'table':
      return answer.text(view, false);
    case 'wide':
      return answer.text({ ...view, width: undefined }, true);
    case 'json':
      return `${escaped(JSON.stringify(documentOf(answer), undefined, 2))}\n`;
    case 'yaml':
      return escaped(yamlText(documentOf(answer)));
    case 'csv':
      return csvText(answer, isTerminal);
    case 'name':
      return (answer.names ?? []).map((name) => `${safeText(name)}\n`).join('');
  }
}

function documentOf({ kind, data }: CommandAnswer): Record<string, JsonValue> {
  return { apiVersion: API_VERSION, kind, ...data };
}

/** JSON leaves these as they are, and a terminal obeys some of them. Within a text the escape means the same character. */
const UNESCAPED = /[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function escaped(text: string): string {
  return text.replaceAll(
    UNESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** RFC 4180. For another program the values are as they are; what a terminal would obey is replaced on one. */
function csvText({ csv }: CommandAnswer, isTerminal: boolean): string {
  if (csv === undefined) return '';
  const lines = [csv.header, ...csv.rows].map(
    (row) => `${row.map((cell) => (cell === null ? '' : csvField(cell))).join(',')}\r\n`,
  );
  return isTerminal ? lines.map((line) => `${safeLines(line.trimEnd())}\n`).join('') : lines.join('');
}
