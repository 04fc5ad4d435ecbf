import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';

import type { SearchAttribute } from '../domain/search-attributes.ts';
import { OPEN_PHASE, SEARCH_ATTRIBUTES } from '../domain/search-attributes.ts';

/** What a keyword column of a namespace on SQL holds. */
const MAX_KEYWORD_LENGTH = 255;

/** Whoever starts a run sets it, and so it need not be set again. */
const SET_AT_START = { [SEARCH_ATTRIBUTES.phase]: OPEN_PHASE };

/** Between these phases nothing changes for somebody who looks for what waits, what acts and what is over. */
const CLASS_OF_PHASE: Readonly<Record<string, string>> = {
  Pending: OPEN_PHASE,
  Processing: OPEN_PHASE,
  Analyzing: OPEN_PHASE,
  Verifying: 'Executing',
};

/** What the list of runs shows of a phase: `Open`, `Executing`, else the phase itself, `AwaitingApproval` or `Failed`. */
export function phaseClassOf(phase: string | undefined): string | undefined {
  return phase === undefined ? undefined : (CLASS_OF_PHASE[phase] ?? phase);
}

/** Search attributes of this run; set only when they change, because each time is an event and a write of the server. */
export class AuditAttributes {
  readonly #known: ReadonlySet<string>;
  #set: Readonly<Record<string, string>>;

  constructor(known: readonly string[], set: Readonly<Record<string, string>> = SET_AT_START) {
    this.#known = new Set(known);
    this.#set = set;
  }

  get set(): Readonly<Record<string, string>> {
    return this.#set;
  }

  update(wanted: Readonly<Partial<Record<SearchAttribute, string | undefined>>>): void {
    const changed = Object.entries(wanted).flatMap(([attribute, wish]) => {
      const name = SEARCH_ATTRIBUTES[attribute as SearchAttribute];
      const value = wish?.slice(0, MAX_KEYWORD_LENGTH);
      // An attribute that the namespace does not know would stall the run.
      if (value === undefined || !this.#known.has(name) || this.#set[name] === value) return [];
      return [{ name, value }];
    });
    if (changed.length === 0) return;
    upsertSearchAttributes(
      changed.map(({ name, value }) => ({
        key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
        value,
      })),
    );
    this.#set = { ...this.#set, ...Object.fromEntries(changed.map(({ name, value }) => [name, value])) };
  }
}
