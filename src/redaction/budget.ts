import { MAX_BODY_DEPTH } from '../domain/limits.ts';

/** Says that something was done. Throws OutOfBudgetError when that was too much. */
export type Spend = (work: number) => void;

/**
 * Work that one record may take, in units of about ten nanoseconds. It is counted and never timed, so that the same
 * record is redacted alike on every machine.
 */
export const MOST_WORK = 10_000_000;

/** What the steps of redaction cost, measured on what makes each of them slowest. */
export const COST = {
  /** One character in one round of all rules. */
  character: 2,
  /** One text in one round of all rules, however short. */
  text: 60,
  /** One character that is parsed as JSON. */
  parsed: 1,
  /** One value of JSON whose numbers need a second pass, and one whose keys do. */
  reviewed: 40,
  escapedKey: 400,
  /** One object or array, and one member of it. */
  container: 30,
  member: 20,
  item: 5,
  /** One name of a member that this record did not have before. */
  name: 250,
  /** One value that was replaced. */
  replaced: 60,
  /** One place where a rule begins to read ahead. */
  start: 100,
  line: 20,
  /** One character of base64. */
  decoded: 5,
} as const;

/** A value this small may grow to more than twice its size: `{"pwd":1}` has no other way. In characters. */
const FREE_GROWTH = 1_024;

/** The record has had its work, or the value has grown as much as it may. Never leaves the redactor. */
export class OutOfBudgetError extends Error {
  constructor() {
    super('the redaction of a record takes more work than it may');
    this.name = 'OutOfBudgetError';
  }
}

/** What the redaction of one record may still take. */
export class Budget {
  #work = 0;
  #growthLeft = 0;
  #isOutgrown = false;
  #depth = 0;
  readonly #names = new Set<string>();

  /** Units spent, at most MOST_WORK. */
  get work(): number {
    return this.#work;
  }

  get isSpent(): boolean {
    return this.#work >= MOST_WORK;
  }

  /** The value as a whole has to go: its parts would only make it larger. */
  get isOutgrown(): boolean {
    return this.#isOutgrown;
  }

  /** Begins a value of that size, in characters. It may become twice as long. */
  begin(size: number): void {
    this.#growthLeft = Math.max(size, FREE_GROWTH);
    this.#isOutgrown = false;
    this.#depth = 0;
  }

  /** For the rules of text, which cannot go on with half a text. */
  readonly spend: Spend = (work) => {
    this.charge(work);
    if (this.isSpent) throw new OutOfBudgetError();
  };

  /** For the walk through JSON, which looks at `isSpent` before each value. */
  charge(work: number): void {
    this.#work = Math.min(this.#work + work, MOST_WORK);
  }

  /** `after` characters took the place of `before`. */
  grow(before: number, after: number): void {
    this.#growthLeft -= Math.max(after - before, 0);
    if (this.#growthLeft >= 0) return;
    this.#isOutgrown = true;
    throw new OutOfBudgetError();
  }

  chargeName(name: string): void {
    this.charge(COST.member + name.length);
    if (this.isSpent || this.#names.has(name)) return;
    this.#names.add(name);
    this.charge(COST.name);
  }

  /** False where containers are nested so deep that their end could exhaust the stack; otherwise `leave` has to follow. */
  enter(): boolean {
    this.charge(COST.container);
    if (this.#depth >= MAX_BODY_DEPTH) return false;
    this.#depth += 1;
    return true;
  }

  leave(): void {
    this.#depth -= 1;
  }
}
