/*
 * The filters of the history: what a form sends, and which question of the list it is.
 *
 * In: the query of the page's address. Out: the query of `GET /api/v1/remediations` that asks the same, so that page, files and
 * API answer alike. What the form has no field for, such as `remediation_uid`, is a filter of the list and is passed on.
 */
import { invalidParameter } from '../../api/http/problems.ts';
import type { Query } from '../../api/http/route.ts';
import { columnsByName } from '../../domain/records/definition.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';

interface Field {
  /** Name of the parameter, in the page's address and in that of the list. */
  readonly name: string;
  readonly label: string;
}

interface TextField extends Field {
  readonly hint?: string;
}

/** Any text: several values stand between commas, and one that ends with `*` matches every longer one. */
export const TEXT_FIELDS: readonly TextField[] = [
  { name: 'cluster', label: 'Cluster' },
  { name: 'target_namespace', label: 'Namespace' },
  { name: 'target_kind', label: 'Kind of the target', hint: 'Deployment' },
  { name: 'target_name', label: 'Target', hint: 'api, worker-*' },
  { name: 'workflow_name', label: 'Workflow', hint: 'restart-*' },
  { name: 'signal_name', label: 'Signal' },
  { name: 'approval_decided_by', label: 'Decided by' },
];

/** One or several of the words that the column has. */
export const WORD_FIELDS: readonly (Field & { readonly words: readonly string[] })[] = [
  { name: 'verdict', label: 'Verdict' },
  { name: 'overall_phase', label: 'Phase' },
  { name: 'outcome', label: 'Outcome' },
].map((field) => ({ ...field, words: columnsByName(remediationAudit).get(field.name)?.vocabulary ?? [] }));

export const TIME_FIELDS: readonly (Field & { readonly hint: string })[] = [
  { name: 'since', label: 'From', hint: '24h, 7d, 2026-11-01' },
  { name: 'until', label: 'Until', hint: '1h, 2026-11-30T12:00:00Z' },
];

const CURSOR = 'cursor';
/** Parameters that narrow nothing down. */
const HOW = new Set(['order', 'limit', 'include_archive', CURSOR]);
const LABELS = new Map(
  [...TIME_FIELDS, ...TEXT_FIELDS, ...WORD_FIELDS].map(({ name, label }) => [name, label] as const),
);
const FIELDS: ReadonlySet<string> = new Set([...LABELS.keys(), ...HOW]);
const TEXTS: ReadonlySet<string> = new Set(TEXT_FIELDS.map(({ name }) => name));
const TIMES: ReadonlySet<string> = new Set(TIME_FIELDS.map(({ name }) => name));

/** What stands in the address, by name; a form sends its empty fields too, which ask for nothing. */
export type HistoryFilters = ReadonlyMap<string, readonly string[]>;

export function readFilters(query: Query): HistoryFilters {
  return new Map(
    Object.entries(query).flatMap(([name, value]) => {
      const values = (Array.isArray(value) ? value : [value])
        .map((one) => String(one).trim())
        .flatMap((text) => (TEXTS.has(name) ? splitValues(text) : [text]))
        .filter((text) => text !== '');
      return values.length === 0 ? [] : [[name, values] as const];
    }),
  );
}

/** `a, b` are two values. */
function splitValues(text: string): string[] {
  return text.split(',').map((one) => one.trim());
}

/** The same question to the list. `limit` is that of the page unless the address says another. */
export function listQueryOf(filters: HistoryFilters, limit: number): Query {
  const query: Record<string, string | readonly string[]> = { limit: String(limit) };
  for (const [name, values] of filters) {
    const prefixes = TEXTS.has(name) ? values.filter((value) => value.endsWith('*')) : [];
    const plain = values.filter((value) => !prefixes.includes(value));
    // The list would look for what meets both.
    if (plain.length > 0 && prefixes.length > 0)
      throw invalidParameter(name, 'must be complete names or beginnings that end with *, not both');
    if (plain.length > 0) query[name] = single(TIMES.has(name) ? plain.map(withTime) : plain);
    if (prefixes.length > 0) query[`${name}_prefix`] = single(prefixes.map((value) => value.slice(0, -1)));
  }
  return query;
}

const single = (values: readonly string[]): string | readonly string[] => {
  const [first] = values;
  return values.length === 1 && first !== undefined ? first : values;
};

/** A day begins at midnight UTC. */
function withTime(text: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
}

/** The address of the same question, with some parameters changed. An undefined one is left out. */
export function addressOf(
  path: string,
  filters: HistoryFilters,
  changes: Readonly<Record<string, readonly string[] | undefined>> = {},
): string {
  const query = new URLSearchParams();
  for (const [name, values] of new Map([...filters, ...Object.entries(changes)])) {
    for (const value of values ?? []) query.append(name, value);
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** What narrows the list down, each with the address of the list without it. */
interface ActiveFilter {
  readonly label: string;
  readonly value: string;
  readonly without: string;
}

export function activeFilters(path: string, filters: HistoryFilters): readonly ActiveFilter[] {
  return [...filters].flatMap(([name, values]) => {
    if (HOW.has(name)) return [];
    return values.map((value) => {
      const others = values.filter((one) => one !== value);
      const changes = { [name]: others.length === 0 ? undefined : others, [CURSOR]: undefined };
      return { label: LABELS.get(name) ?? name, value, without: addressOf(path, filters, changes) };
    });
  });
}

/** Filters of the list that the form has no field for; it passes them on. */
export function hiddenFilters(filters: HistoryFilters): readonly (readonly [string, string])[] {
  return [...filters].flatMap(([name, values]) =>
    FIELDS.has(name) ? [] : values.map((value) => [name, value] as const),
  );
}
