import { setTimeout as delay } from 'node:timers/promises';

import { reasonOf } from '../domain/errors.ts';
import { SECOND_MS } from '../domain/time.ts';

/*
 * Doctor: asks everything that a deployment depends on whether it is as the configuration says.
 *
 * What comes in: the configuration. What goes out: one finding per check, in the order of the checks.
 *
 * check.ts runs checks; each other file knows those of one dependency, and examine.ts puts them together.
 *
 * What must stay true: every check has a time limit, and what does not depend on each other is asked at the same time;
 * one fault is one finding, because a check that needs another one is not made where that failed; nothing is changed,
 * but for one object that is put into the archive and removed again.
 */

type State =
  | 'ok'
  | 'wrong'
  /** Another check that it needs is wrong. */
  | 'not checked'
  /** The configuration names nothing to check. */
  | 'not configured';

export interface Outcome {
  readonly state: State;
  /** In one line. */
  readonly found: string;
  /** What to do; without it `found` says it, or there is nothing to do. */
  readonly remedy?: string;
}

export interface Check {
  /** What it checks, unique. */
  readonly name: string;
  /** Names of checks, all of which stand before it, without which this one would only repeat their fault. */
  readonly after?: readonly string[];
  /** Longest time of this one, where it has to be longer than that of the others. */
  readonly limitMs?: number;
  /** What to do where `run` rejects. */
  readonly remedy: string;
  /** Says what it found. Rejects where it cannot find out, for instance because a server does not answer. */
  readonly run: (signal: AbortSignal) => Promise<Outcome>;
}

export interface Finding extends Outcome {
  readonly check: string;
}

export const ok = (found: string): Outcome => ({ state: 'ok', found });
export const wrong = (found: string, remedy?: string): Outcome => ({
  state: 'wrong',
  found,
  ...(remedy === undefined ? {} : { remedy }),
});

/** For what the configuration does not name. */
export function notConfigured(name: string, found: string): Check {
  return { name, remedy: '', run: () => Promise.resolve({ state: 'not configured', found }) };
}

/** Longest time of one check. Servers that answer take milliseconds. */
const LIMIT_MS = 10_000;

/** All at once, but for those that wait for others. Never rejects. */
export async function runChecks(
  checks: readonly Check[],
  signal: AbortSignal,
  limitMs = LIMIT_MS,
): Promise<readonly Finding[]> {
  const findings = new Map<string, Promise<Finding>>();
  for (const check of checks) findings.set(check.name, runAfterOthers(check, findings, { signal, limitMs }));
  return Promise.all(findings.values());
}

interface Limits {
  readonly signal: AbortSignal;
  readonly limitMs: number;
}

async function runAfterOthers(
  check: Check,
  findings: ReadonlyMap<string, Promise<Finding>>,
  limits: Limits,
): Promise<Finding> {
  const { name, after = [] } = check;
  const needed = await Promise.all(after.flatMap((other) => findings.get(other) ?? []));
  const failed = needed.find((finding) => finding.state === 'wrong');
  const because = failed?.check ?? needed.find((finding) => finding.state === 'not checked')?.check;
  if (because !== undefined) {
    const how = failed === undefined ? 'was not checked' : 'is wrong';
    return { check: name, state: 'not checked', found: `because ${because} ${how}` };
  }
  return { check: name, ...(await runWithin(check, limits)) };
}

async function runWithin({ run, remedy, limitMs: own }: Check, limits: Limits): Promise<Outcome> {
  const { signal } = limits;
  const limitMs = own ?? limits.limitMs;
  const ended = new AbortController();
  const tooLate = async (): Promise<Outcome> => {
    await delay(limitMs, undefined, { signal: AbortSignal.any([signal, ended.signal]) });
    return wrong(`no answer within ${limitMs / SECOND_MS} s`, remedy);
  };
  const limited = AbortSignal.any([signal, ended.signal]);
  try {
    return await Promise.race([run(limited), tooLate()]);
  } catch (error: unknown) {
    return wrong(oneLine(reasonOf(error)), remedy);
  } finally {
    // What still runs is ended, be it the check or its limit.
    ended.abort();
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
