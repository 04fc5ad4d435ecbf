/** One variable of the environment, as the documentation shows it. */
export interface Setting {
  readonly default: string;
  /** Empty where the value is a name. */
  readonly unit: string;
  readonly meaning: string;
}

/** A command line that means nothing. The message says what would. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export class SettingsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`wrong configuration: ${problems.join('; ')}`);
    this.name = 'SettingsError';
    this.problems = problems;
  }
}

/** Reads settings by name with their defaults, and keeps every problem so that they are all told at once. */
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

  list(name: Name): readonly string[] {
    return this.text(name)
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }

  integer(name: Name, least: number, most: number): number {
    const text = this.text(name);
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    this.#complain(name, `must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
    return Number(this.#settings[name].default);
  }

  optionalInteger(name: Name): number | undefined {
    return this.text(name) === '' ? undefined : this.integer(name, 0, Number.MAX_SAFE_INTEGER);
  }

  /** 0 lets the system choose. */
  port(name: Name): number {
    return this.integer(name, 0, 65_535);
  }

  boolean(name: Name): boolean {
    return this.oneOf(name, ['true', 'false']) === 'true';
  }

  oneOf<const Word extends string>(name: Name, words: readonly [Word, ...Word[]]): Word {
    const text = this.text(name);
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    this.#complain(name, `must be ${words.join(' or ')}, not ${JSON.stringify(text)}`);
    return words[0];
  }

  throwIfWrong(): void {
    if (this.#problems.length > 0) throw new SettingsError(this.#problems);
  }

  #complain(name: Name, problem: string): void {
    this.#problems.push(`${name} ${problem}`);
  }
}
