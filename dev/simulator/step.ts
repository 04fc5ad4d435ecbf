import type { Generation, KindCode } from './generations.ts';

/** One resource of a remediation. It has several notifications, distinguished by what they are about, and an action for each step. */
export type Part = Exclude<KindCode, 'NR' | 'KE'> | `NR/${string}` | `KE/${number}`;

/**
 * What is written, in the newest shape. A text that begins with `@` stands for a fact (`@now+30m`, `@ref SP`,
 * `@confidence`), a `{name}` inside a text for that fact as text: facts.ts has the list.
 */
export type Template = null | boolean | number | string | readonly Template[] | TemplateObject;
export interface TemplateObject {
  readonly [member: string]: Template;
}

/** One write of a story. */
export type Step = {
  /** Time of life since the write before: `10s`, `0.1s`, `5m`, or drawn from a range, `76s..136s`. Default: at once. */
  readonly after?: string;
  /** Only in these generations. Default: wherever the generation has the kind. */
  readonly only?: readonly Generation[];
} & (
  | { readonly create: Part; readonly spec?: TemplateObject }
  | { readonly update: Part; readonly status: TemplateObject }
  | { readonly delete: Part }
  /** Two writes alternate, 27 of them in a second of the clock, for `flapMs`. */
  | { readonly flap: Part; readonly between: readonly [TemplateObject, TemplateObject] }
);

export const codeOf = (part: Part): KindCode => (part.split('/')[0] ?? part) as KindCode;

export function partOf(step: Step): Part {
  if ('create' in step) return step.create;
  if ('update' in step) return step.update;
  return 'flap' in step ? step.flap : step.delete;
}

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const SPAN = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;

/** Milliseconds of `10s`, `0.1s`, `5m`, `24h`. */
export function millisecondsOf(span: string): number {
  const [, amount, unit] = SPAN.exec(span) ?? [];
  if (unit === undefined)
    throw new Error(`${JSON.stringify(span)} is an invalid duration: write it like 10s or 5m`);
  return Number(amount) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
}
