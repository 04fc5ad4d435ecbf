import { reasonOf } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';

/** What an installation adds to the built-in rules. */
export interface RedactionOptions {
  /** Names whose values are secret, in any case and with any separator. Default none. */
  readonly keyNames?: readonly string[];
  /** Names that are public although they look secret. Default none. */
  readonly exemptNames?: readonly string[];
  /** Further forms of secrets; the kind stands in the placeholder. Default none. */
  readonly patterns?: readonly RedactionPattern[];
  /** Regular expressions; a value that one of them matches as a whole is left as it is. Default none. */
  readonly exemptValues?: readonly string[];
  /** Also redact e-mail addresses, IPv4 addresses and telephone numbers; who acted is kept. Default false. */
  readonly personal?: boolean;
}

export interface RedactionPattern {
  /** Lower-case letters, digits and hyphens. */
  readonly kind: string;
  /** Regular expression. One without nested repetitions: it will meet megabytes of other people's text. */
  readonly pattern: string;
}

export class RedactionOptionsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`wrong redaction rules: ${problems.join('; ')}`);
    this.name = 'RedactionOptionsError';
    this.problems = problems;
  }
}

const KIND = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** Reads options from JSON, `{"keyNames": ["pin"], "patterns": [{"kind": "card", "pattern": "…"}], "personal": true}`. */
export function parseRedactionOptions(value: JsonValue): RedactionOptions {
  if (!isJsonObject(value)) throw new RedactionOptionsError(['they must be one JSON object']);
  const problems: string[] = [];
  const known = ['keyNames', 'exemptNames', 'patterns', 'exemptValues', 'personal'];
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) problems.push(`${name} is unknown; known are ${known.join(', ')}`);
  }
  const texts = (name: string): readonly string[] => textsOf(name, value[name], problems);
  const options: RedactionOptions = {
    keyNames: texts('keyNames'),
    exemptNames: texts('exemptNames'),
    exemptValues: texts('exemptValues'),
    patterns: patternsOf(value['patterns'], problems),
    personal: value['personal'] === true,
  };
  if (!['undefined', 'boolean'].includes(typeof value['personal']))
    problems.push('personal must be true or false');
  if (problems.length === 0) problems.push(...problemsOf(options));
  if (problems.length > 0) throw new RedactionOptionsError(problems);
  return options;
}

/** What is wrong with the values of options, one sentence each. */
export function problemsOf(options: RedactionOptions): string[] {
  const names = [...(options.keyNames ?? []), ...(options.exemptNames ?? [])];
  return [
    ...names
      .filter((name) => !/[\p{L}\d]/u.test(name))
      .map((name) => `${JSON.stringify(name)} is not a name`),
    ...(options.patterns ?? []).flatMap(({ kind, pattern }) => [
      ...(KIND.test(kind)
        ? []
        : [`kind ${JSON.stringify(kind)} must be lower-case letters, digits and hyphens`]),
      ...expressionProblems(`pattern of ${kind}`, pattern),
    ]),
    ...(options.exemptValues ?? []).flatMap((source) => expressionProblems('exempt value', source)),
  ];
}

function expressionProblems(what: string, source: string): string[] {
  try {
    return new RegExp(source, 'u').test('') ? [`${what} matches the empty text`] : [];
  } catch (error: unknown) {
    return [`${what} is not a regular expression: ${reasonOf(error)}`];
  }
}

function textsOf(name: string, value: JsonValue | undefined, problems: string[]): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  problems.push(`${name} must be a list of texts`);
  return [];
}

function patternsOf(value: JsonValue | undefined, problems: string[]): readonly RedactionPattern[] {
  if (value === undefined) return [];
  const patterns = (Array.isArray(value) ? value : [null]).map((item) => {
    const { kind, pattern } = isJsonObject(item) ? item : {};
    return typeof kind === 'string' && typeof pattern === 'string' ? { kind, pattern } : undefined;
  });
  const complete = patterns.filter((pattern) => pattern !== undefined);
  if (complete.length !== patterns.length)
    problems.push('patterns must be a list of {kind, pattern}, both texts');
  return complete;
}
