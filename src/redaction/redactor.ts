// Takes secrets out of what is stored for years: what the watcher read before it leaves the watcher, and posted records
// before they are stored.
//
// A text runs through the rules of `rules.ts`, one after the other, again and again until nothing changes. A JSON value is
// walked by `json.ts`: names of members (`key-names.ts`) say which values are secret, every other text runs through the rules,
// and a text that is JSON itself is walked too. `token-forms.ts` is the list of tokens that show by their form what they are;
// `encoded.ts`, `key-values.ts`, `block-scalars.ts`, `markup.ts`, `commands.ts`, `place-rules.ts` and `kubernetes-secret.ts` read one
// format each. What is escaped is read once more with its escapes decoded (`escapes.ts`).
//
// What must stay true: pure, without Node; redacting twice gives the same as once; every expression and scanner is linear;
// the work of one record is counted (`budget.ts`) and never timed, so that each machine stores the same.
import { isNestedBeyond } from '../domain/bounds.ts';
import type { JsonValue } from '../domain/json.ts';
import { canonicalJson, isJsonObject, parseJson, reviewOf } from '../domain/json.ts';
import { MAX_BODY_DEPTH } from '../domain/limits.ts';
import type { Column, Columns, RecordDefinition } from '../domain/records/definition.ts';
import { columnsByName } from '../domain/records/definition.ts';
import { Budget, COST, OutOfBudgetError } from './budget.ts';
import { mayBeEscaped, redactEscaped } from './escapes.ts';
import type { JsonRules } from './json.ts';
import { PLAIN, redactValue } from './json.ts';
import type { KeyNames } from './key-names.ts';
import { createKeyNames } from './key-names.ts';
import type { RedactionOptions } from './options.ts';
import { problemsOf, RedactionOptionsError } from './options.ts';
import type { Steps, TextContext } from './rule.ts';
import { applySteps, stepsOf } from './rule.ts';
import { orderedRules } from './rules.ts';

interface Redacted<T> {
  readonly value: T;
  /** How many values of each kind were replaced; no member for a kind that did not occur. */
  readonly counts: RedactionCounts;
}

type RedactionCounts = Readonly<Record<string, number>>;

/**
 * Takes secrets out of what is going to be stored for years. Doing so twice gives the same as once. Never throws: what
 * would take more work than a record may is `[REDACTED:unreadable]`, and no value grows to more than twice its size.
 */
export interface Redactor {
  redactText(text: string): Redacted<string>;
  redactJson(value: JsonValue): Redacted<JsonValue>;
  /** The text and JSON columns of an observation. Numbers, times and booleans hold no secrets. */
  redactColumns(definition: RecordDefinition, columns: Columns): Redacted<Columns>;
}

/** A replaced value shows the next rule something new; after this many rounds nothing is found any more. */
const MOST_ROUNDS = 4;
const PLACEHOLDER = /^\[REDACTED:[a-z0-9-]+\]$/;
const UNREADABLE = 'unreadable';

/**
 * Throws RedactionOptionsError for options that cannot work. `worked` is called with the work of each call, in units
 * of MOST_WORK.
 */
export function createRedactor(options: RedactionOptions = {}, worked?: (work: number) => void): Redactor {
  const problems = problemsOf(options);
  if (problems.length > 0) throw new RedactionOptionsError(problems);
  const names = createKeyNames(options.keyNames ?? [], options.exemptNames ?? []);
  const { patterns = [], personal = false } = options;
  const steps = stepsOf(orderedRules({ names, patterns, personal }));
  const exempt = (options.exemptValues ?? []).map((source) => new RegExp(`^(?:${source})$`, 'u'));
  const run = <T>(redact: (run: Run) => T): Redacted<T> => {
    const one = new Run({ names, steps, exempt });
    const value = redact(one);
    worked?.(one.work);
    return { value, counts: one.counts() };
  };
  return {
    redactText: (text) => run((one) => one.text(text, PLAIN)),
    redactJson: (value) => run((one) => one.json(value, PLAIN, sizeOf(value))),
    redactColumns: (definition, columns) => run((one) => one.columns(definition, columns)),
  };
}

interface Settings {
  readonly names: KeyNames;
  readonly steps: Steps;
  /** Values that are left as they are. */
  readonly exempt: readonly RegExp[];
}

/** One call: collects the counts and keeps to the budget. */
class Run {
  readonly #settings: Settings;
  readonly #counts = new Map<string, number>();
  readonly #budget = new Budget();
  readonly #json: JsonRules;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#json = {
      names: settings.names,
      replace: (kind, secret) => {
        this.#budget.charge(COST.replaced);
        return this.#replace(kind, secret);
      },
      redactText: (text, context) => this.#redactText(text, context),
      budget: this.#budget,
      unreadable: (value) => this.#unreadable(value),
    };
  }

  get work(): number {
    return this.#budget.work;
  }

  counts(): RedactionCounts {
    return Object.fromEntries(this.#counts);
  }

  text(text: string, context: TextContext): string {
    return this.#within(text.length, () => this.#redactText(text, context)) ?? `[REDACTED:${UNREADABLE}]`;
  }

  json(value: JsonValue, context: TextContext, size: number): JsonValue {
    return this.#within(size, () => redactValue(value, this.#json, context)) ?? standInFor(value);
  }

  columns(definition: RecordDefinition, columns: Columns): Columns {
    const known = columnsByName(definition);
    // The shortest first: what names the record must not be unreadable because of a text that is too much work.
    const sizes = Object.entries(columns).map(([name, value]) => ({
      name,
      value,
      size: String(value).length,
    }));
    const redacted = new Map<string, string | boolean>();
    for (const { name, value } of sizes.sort((left, right) => left.size - right.size))
      redacted.set(name, this.#column(known.get(name), value));
    return Object.fromEntries(Object.keys(columns).map((name) => [name, redacted.get(name) ?? false]));
  }

  /** Undefined when the value would become too large, or could not be read at all. */
  #within<T>(size: number, redact: () => T): T | undefined {
    this.#budget.begin(size);
    try {
      return redact();
    } catch (error: unknown) {
      if (!(error instanceof OutOfBudgetError)) throw error;
      this.#count(UNREADABLE);
      return undefined;
    }
  }

  #redactText(text: string, context: TextContext): string {
    // Many texts may be left when there is no work left, and an exception for each of them would be work too.
    if (this.#budget.isSpent) return this.#unreadableText(text);
    try {
      return this.#redactIfJson(text, context) ?? this.#redactRounds(text, context);
    } catch (error: unknown) {
      if (!(error instanceof OutOfBudgetError) || this.#budget.isOutgrown) throw error;
      return this.#unreadableText(text);
    }
  }

  #redactRounds(text: string, context: TextContext): string {
    let [before, after] = ['', text];
    for (let round = 0; round < MOST_ROUNDS && before !== after; round += 1) {
      before = after;
      after = applySteps(before, this.#settings.steps, context, {
        replace: (kind, secret) => {
          this.#budget.spend(COST.replaced);
          return this.#replace(kind, secret);
        },
        spend: this.#budget.spend,
      });
    }
    return mayBeEscaped(after) ? this.#redactEscaped(after, context) : after;
  }

  #redactEscaped(text: string, context: TextContext): string {
    const { spend } = this.#budget;
    spend(text.length * COST.character);
    return redactEscaped(
      text,
      (decoded, note) =>
        applySteps(decoded, this.#settings.steps, context, {
          replace: (kind, secret) => (this.#isKept(secret) ? secret : note(kind, secret)),
          spend,
        }),
      (kind, secret) => {
        spend(COST.replaced);
        return this.#replace(kind, secret);
      },
    );
  }

  #column(column: Column | undefined, value: string | boolean): string | boolean {
    if (column === undefined || typeof value === 'boolean') return value;
    const { isIdentity, isFingerprint } = this.#settings.names.judge(column.name);
    const fingerprint = column.identifier === true || isFingerprint;
    const context = isIdentity || fingerprint ? { identity: isIdentity, fingerprint } : PLAIN;
    if (column.type === 'text') return this.text(value, context);
    if (column.type !== 'jsonb') return value;
    return this.#jsonColumn(value, context);
  }

  #jsonColumn(text: string, context: TextContext): string {
    const redacted = this.#within(text.length, () => this.#jsonText(text, parseJson, context));
    if (redacted !== undefined) return redacted;
    const containers: Readonly<Record<string, JsonValue>> = { '[': [], '{': {} };
    return canonicalJson(standInFor(containers[text.trimStart().charAt(0)] ?? ''));
  }

  /** Annotations hold whole resources as one JSON text: read as JSON, its names and Secrets are known for what they are. */
  #redactIfJson(text: string, context: TextContext): string | undefined {
    if (!/^\s*[[{]/.test(text) || isNestedBeyond(text, MAX_BODY_DEPTH)) return undefined;
    return this.#jsonText(text, parseIfJson, context);
  }

  /** Undefined when it cannot be parsed. */
  #jsonText(
    text: string,
    parse: (text: string) => JsonValue | undefined,
    context: TextContext,
  ): string | undefined {
    this.#budget.spend(text.length * COST.parsed);
    const review = reviewOf(text);
    const perValue = review === undefined ? 0 : COST[review === 'keys' ? 'escapedKey' : 'reviewed'];
    for (let comma = text.indexOf(','); perValue > 0 && comma >= 0; comma = text.indexOf(',', comma + 1))
      this.#budget.spend(perValue);
    const parsed = parse(text);
    if (parsed === undefined) return undefined;
    const redacted = redactValue(parsed, this.#json, context);
    return redacted === parsed ? text : canonicalJson(redacted);
  }

  #unreadable(value: JsonValue): JsonValue {
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'string') return this.#unreadableText(value);
    this.#count(UNREADABLE);
    const standIn = standInFor(value);
    this.#budget.grow(1, canonicalJson(standIn).length);
    return standIn;
  }

  #unreadableText(text: string): string {
    this.#count(UNREADABLE);
    const standIn = `[REDACTED:${UNREADABLE}]`;
    this.#budget.grow(text.length, standIn.length);
    return standIn;
  }

  #count(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  #isKept(secret: string): boolean {
    return PLACEHOLDER.test(secret) || this.#settings.exempt.some((pattern) => pattern.test(secret));
  }

  #replace(kind: string, secret: string): string {
    if (this.#isKept(secret)) return secret;
    this.#count(kind);
    const placeholder = `[REDACTED:${kind}]`;
    this.#budget.grow(secret.length, placeholder.length);
    return placeholder;
  }
}

/** Of the same kind of JSON as what it stands for: queries take the elements of a list, and merge objects. */
function standInFor(value: JsonValue): JsonValue {
  const placeholder = `[REDACTED:${UNREADABLE}]`;
  if (Array.isArray(value)) return [placeholder];
  return isJsonObject(value) ? { _redacted: placeholder } : placeholder;
}

function parseIfJson(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    // Text that only begins like JSON is text.
    return undefined;
  }
}

/** Characters of a value, the least that they can be: what is nested too deep does not count. */
function sizeOf(value: JsonValue, levels = MAX_BODY_DEPTH): number {
  if (typeof value === 'string') return value.length + 2;
  if (levels === 0 || typeof value !== 'object' || value === null) return 1;
  if (Array.isArray(value))
    return value.reduce<number>((size, item) => size + 1 + sizeOf(item, levels - 1), 1);
  if (!isJsonObject(value)) return 1;
  let size = 1;
  for (const name of Object.keys(value)) size += name.length + 4 + sizeOf(value[name] ?? null, levels - 1);
  return size;
}
