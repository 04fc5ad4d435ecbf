import { readFileSync } from 'node:fs';

import { EndingError, reasonOf } from '../domain/errors.ts';

/** One variable of the environment, as the documentation shows it. */
export interface Setting {
  /** As text, as somebody would write it in the environment. Empty: nothing holds without the variable. */
  readonly default: string;
  /** Empty where the value is a name or a word. */
  readonly unit: string;
  /** What the documentation says of it: no full stop at the end, and what an empty value does. */
  readonly meaning: string;
}

/** A wrong command line: exit code 2. The message says what is right. */
export class UsageError extends EndingError {
  readonly ending = 'usage';

  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** A wrong or missing setting: exit code 3. Its message names all problems, one sentence each. */
export class SettingsError extends EndingError {
  readonly ending = 'configuration';
  /** Each begins with the variable at fault. None repeats a value that may be secret. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const lines =
      problems.length === 1 ? ` ${problems.join('')}` : problems.map((line) => `\n  ${line}`).join('');
    super(`wrong configuration:${lines}`);
    this.name = 'SettingsError';
    this.problems = problems;
  }
}

/** How a URL has to begin, and what one looks like. */
interface UrlShape {
  /** For example `http:`. */
  readonly protocols: readonly string[];
  readonly example: string;
  /** The value may hold a password: the message does not repeat it. Default false. */
  readonly isSecret?: boolean;
}

/**
 * Reads settings by name with their defaults. It never throws: a wrong value is kept as a problem and the
 * default, or nothing, is answered, so that one start names all mistakes. What it answered may be used only
 * when `problems()` is empty.
 */
export class SettingsReader<Name extends string> {
  readonly #settings: Readonly<Record<Name, Setting>>;
  readonly #values: Readonly<Record<string, string | undefined>>;
  readonly #problems: string[] = [];

  constructor(
    settings: Readonly<Record<Name, Setting>>,
    values: Readonly<Record<string, string | undefined>>,
  ) {
    this.#settings = settings;
    this.#values = values;
  }

  /** An empty variable counts as not set: that is how a chart or a compose file leaves one out. */
  text(name: Name): string {
    const value = this.#values[name]?.trim();
    return value === undefined || value === '' ? this.#settings[name].default : value;
  }

  /** Items between commas, without the spaces around them. Empty ones do not count. */
  list(name: Name): readonly string[] {
    return this.text(name)
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }

  /** From `least` to `most`, both included. A wrong value answers the default. */
  integer(name: Name, least: number, most: number): number {
    const text = this.text(name);
    // A sign and digits only: `Number` would also take `1e3`, `0x10` and `1.0`.
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    this.complain(`${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
    return Number(this.#settings[name].default);
  }

  /** Undefined where nothing is set: for what is chosen anew at each start. */
  optionalInteger(name: Name): number | undefined {
    return this.text(name) === '' ? undefined : this.integer(name, 0, Number.MAX_SAFE_INTEGER);
  }

  /** 0 lets the system choose. */
  port(name: Name): number {
    return this.integer(name, 0, 65_535);
  }

  /** `true` or `false` and no other word: a `no` or a `0` that somebody means is refused, not guessed. */
  boolean(name: Name): boolean {
    return this.oneOf(name, ['true', 'false']) === 'true';
  }

  /** One of the words, in exactly this spelling. A wrong value answers the first of them. */
  oneOf<const Word extends string>(name: Name, words: readonly [Word, ...Word[]]): Word {
    const text = this.text(name);
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    this.complain(`${name} must be ${words.join(' or ')}, not ${JSON.stringify(text)}`);
    return words[0];
  }

  /** Empty where nothing is set, and where the value is not such a URL. */
  url(name: Name, { protocols, example, isSecret = false }: UrlShape): string {
    const text = this.text(name);
    if (text === '') return text;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url !== undefined && protocols.includes(url.protocol)) return text;
    const value = isSecret ? '' : `, not ${JSON.stringify(text)}`;
    this.complain(`${name} must be a URL such as ${example}${value}`);
    return '';
  }

  /**
   * What `parse` makes of a file's text; undefined when no file is named, or when it cannot be read or
   * parsed. Read once: later changes of the file are not seen here.
   */
  file<T>(name: Name, parse: (text: string) => T): T | undefined {
    const path = this.text(name);
    if (path === '') return undefined;
    try {
      return parse(readFileSync(path, 'utf8'));
    } catch (error: unknown) {
      const reason = reasonOf(error);
      this.complain(`${name} names ${path}, which cannot be used: ${reason}`);
      return undefined;
    }
  }

  /** A whole sentence that begins with the variable at fault. */
  complain(problem: string): void {
    this.#problems.push(problem);
  }

  /** In the order in which the settings were read. */
  problems(): readonly string[] {
    return this.#problems;
  }
}
