import { isNestedBeyond } from '../bounds.ts';
import type { JsonValue } from '../json.ts';
import { canonicalJson, parseJson } from '../json.ts';
import { MAX_BODY_DEPTH } from '../limits.ts';
import type { Column, Columns, RecordDefinition } from '../records/definition.ts';
import { columnsByName } from '../records/definition.ts';
import { createKeyNames } from './key-names.ts';
import type { RedactionOptions } from './options.ts';
import { problemsOf, RedactionOptionsError } from './options.ts';
import type { JsonRules } from './redact-json.ts';
import { redactValue } from './redact-json.ts';
import type { TextPlace, TextRules } from './redact-text.ts';
import { groupForms, redactOnce } from './redact-text.ts';

export interface Redacted<T> {
  readonly value: T;
  /** How many values of each kind were replaced; no member for a kind that did not occur. */
  readonly counts: RedactionCounts;
}

export type RedactionCounts = Readonly<Record<string, number>>;

/** Takes secrets out of what is going to be stored for years. Doing so twice gives the same as once. */
export interface Redactor {
  redactText(text: string): Redacted<string>;
  redactJson(value: JsonValue): Redacted<JsonValue>;
  /** The text and JSON columns of an observation. Numbers, times and booleans hold no secrets. */
  redactColumns(definition: RecordDefinition, columns: Columns): Redacted<Columns>;
}

/** A replaced value shows the next rule something new; after this many rounds nothing is found any more. */
const MOST_ROUNDS = 4;
const PLACEHOLDER = /^\[REDACTED:[a-z0-9-]+\]$/;

/** Throws RedactionOptionsError for options that cannot work. */
export function createRedactor(options: RedactionOptions = {}): Redactor {
  const problems = problemsOf(options);
  if (problems.length > 0) throw new RedactionOptionsError(problems);
  const names = createKeyNames(options.keyNames ?? [], options.exemptNames ?? []);
  const rules: TextRules = {
    names,
    extraForms: groupForms(
      (options.patterns ?? []).map(({ kind, pattern }) => ({ kind, pattern: new RegExp(pattern, 'gu') })),
    ),
    personal: options.personal ?? false,
  };
  const exempt = (options.exemptValues ?? []).map((source) => new RegExp(`^(?:${source})$`, 'u'));
  const start = (): Run => new Run(rules, exempt);
  return {
    redactText: (text) => start().result((run) => run.text(text, {})),
    redactJson: (value) => start().result((run) => run.json(value, {})),
    redactColumns: (definition, columns) => start().result((run) => run.columns(definition, columns)),
  };
}

/** One call: collects the counts. */
class Run {
  readonly #rules: TextRules;
  readonly #exempt: readonly RegExp[];
  readonly #counts = new Map<string, number>();
  readonly #json: JsonRules;

  constructor(rules: TextRules, exempt: readonly RegExp[]) {
    this.#rules = rules;
    this.#exempt = exempt;
    this.#json = {
      names: rules.names,
      replace: (kind, secret) => this.#replace(kind, secret),
      redactText: (text, place) => this.text(text, place),
    };
  }

  result<T>(work: (run: this) => T): Redacted<T> {
    const value = work(this);
    return { value, counts: Object.fromEntries(this.#counts) };
  }

  text(text: string, place: TextPlace): string {
    const asJson = this.#redactIfJson(text, place);
    if (asJson !== undefined) return asJson;
    let [before, after] = ['', text];
    for (let round = 0; round < MOST_ROUNDS && before !== after; round += 1) {
      before = after;
      after = redactOnce(before, this.#rules, place, (kind, secret) => this.#replace(kind, secret));
    }
    return after;
  }

  json(value: JsonValue, place: TextPlace): JsonValue {
    return redactValue(value, this.#json, place);
  }

  columns(definition: RecordDefinition, columns: Columns): Columns {
    const known = columnsByName(definition);
    return Object.fromEntries(
      Object.entries(columns).map(([name, value]) => [name, this.#column(known.get(name), value)]),
    );
  }

  #column(column: Column | undefined, value: string | boolean): string | boolean {
    if (column === undefined || typeof value === 'boolean') return value;
    const names = this.#rules.names;
    const place: TextPlace = {
      identity: names.isIdentity(column.name),
      fingerprint: column.identifier === true || names.isFingerprint(column.name),
    };
    if (column.type === 'text') return this.text(value, place);
    if (column.type !== 'jsonb') return value;
    const parsed = parseJson(value);
    const redacted = this.json(parsed, place);
    return redacted === parsed ? value : canonicalJson(redacted);
  }

  /** Annotations hold whole resources as one JSON text: read as JSON, its names and Secrets are known for what they are. */
  #redactIfJson(text: string, place: TextPlace): string | undefined {
    if (!/^\s*[[{]/.test(text) || isNestedBeyond(text, MAX_BODY_DEPTH)) return undefined;
    let parsed: JsonValue;
    try {
      parsed = parseJson(text);
    } catch {
      // Text that only begins like JSON is text.
      return undefined;
    }
    const redacted = this.json(parsed, place);
    return redacted === parsed ? text : canonicalJson(redacted);
  }

  #replace(kind: string, secret: string): string {
    if (PLACEHOLDER.test(secret) || this.#exempt.some((pattern) => pattern.test(secret))) return secret;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    return `[REDACTED:${kind}]`;
  }
}
