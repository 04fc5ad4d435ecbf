/*
 * The course of one remediation as a list of events: one line per event, with the fields that changed.
 *
 * In: ledger entries in the order of observation. Out: events, oldest first, of bounded size. Pure.
 *
 * What one state of a resource says of several records is one event. An entry that changes nothing that is worth a line, such as
 * the hash of a target, makes no event; the full view has it.
 */
import type { LedgerEntry } from '../../database/reading/record-history.ts';
import type { JsonValue } from '../../domain/json.ts';
import { canonicalJson } from '../../domain/json.ts';
import { definitionOf } from '../../domain/records/index.ts';
import { type Change, changeOf, type RecordChange, type RecordState } from './changes.ts';
import type { HowKnown } from './decision.ts';
import { cutText, textIn } from './facts.ts';
import { sentenceOf } from './sentences.ts';

export interface TimelineEvent {
  /** By the clock of the observer. */
  readonly at: string;
  /** Kind of the record that the sentence is about. */
  readonly kind: string;
  readonly event: string;
  /** Null where nothing says who it was. */
  readonly actor: string | null;
  readonly how_known: HowKnown;
  readonly changes: readonly Change[];
  readonly source_version: string;
}

/** Fields of one event; of more than these the first are given. */
const MAX_CHANGES = 20;
/** Of a value, as JSON text. */
const MAX_VALUE = 300;

export function timelineOf(entries: readonly LedgerEntry[]): readonly TimelineEvent[] {
  const states = new Map<string, RecordState>();
  return inStates(entries).flatMap((state) => {
    const changed = state.map((entry) => changeOf(entry, states)).filter(({ changes }) => changes.length > 0);
    const [first] = state;
    const described = sentenceOf(changed);
    if (first === undefined || described === undefined) return [];
    const { actor, how } = actorOf(first, changed);
    return [
      {
        at: first.observedAt,
        kind: definitionOf(described.table).kind,
        event: described.sentence,
        actor,
        how_known: how,
        changes: changed
          .flatMap(({ changes }) => changes)
          .slice(0, MAX_CHANGES)
          .map(shortened),
        source_version: first.sourceVersion,
      },
    ];
  });
}

/** One version of a resource is read into several records; a post has its version alone. */
function inStates(entries: readonly LedgerEntry[]): LedgerEntry[][] {
  const states: LedgerEntry[][] = [];
  const byVersion = new Map<string, LedgerEntry[]>();
  for (const entry of entries) {
    const key = isOfResource(entry) ? entry.sourceVersion : `${entry.sourceVersion} ${entry.recordId}`;
    const known = byVersion.get(key);
    if (known !== undefined) known.push(entry);
    else {
      const state = [entry];
      byVersion.set(key, state);
      states.push(state);
    }
  }
  return states;
}

/** Posts have versions below all resources. */
function isOfResource({ sourceVersion }: LedgerEntry): boolean {
  return !sourceVersion.startsWith('-');
}

function shortened({ field, from, to }: Change): Change {
  return { field, from: shortValue(from), to: shortValue(to) };
}

/** A long value is text that was cut: its beginning, with a mark. */
export function shortValue(value: JsonValue): JsonValue {
  const text = typeof value === 'string' ? value : canonicalJson(value);
  return text.length <= MAX_VALUE ? value : cutText(text, MAX_VALUE);
}

/** What the watcher writes where the API server names no client. */
const WATCHER = 'watcher';

/**
 * Who did what an entry is about. A decision and a session name their person themselves. A post has its caller. Else it is the
 * client that wrote the status, as far as the API server notes it; the watcher only looked, and is never the one.
 */
function actorOf(
  entry: Pick<LedgerEntry, 'actor' | 'sourceVersion'>,
  changed: readonly RecordChange[],
): { readonly actor: string | null; readonly how: HowKnown } {
  const person = personIn(changed);
  if (person !== undefined) return { actor: person, how: 'self-reported' };
  if (entry.sourceVersion.startsWith('-')) return { actor: entry.actor, how: 'caller' };
  return entry.actor === WATCHER || saysDeletion(changed)
    ? { actor: null, how: 'unknown' }
    : { actor: entry.actor, how: 'managed-fields' };
}

/** Whoever wrote the last state of what was deleted, or took its last finalizer, need not be who deleted it. */
function saysDeletion(changed: readonly RecordChange[]): boolean {
  return changed.some(({ changes }) => changes.some(({ field }) => /(?:^|[._])deleted_at$/.test(field)));
}

/** In a change of the decision, of a session of somebody, or of who closed the audit: an operator gives any name. */
function personIn(changed: readonly RecordChange[]): string | undefined {
  for (const { state, changes } of changed) {
    for (const { field, to } of changes) {
      const closer = field === 'extra.closed_by_operator' ? textIn(to, 'by') : null;
      if (closer !== null) return closer;
      const session = /^(investigation_sessions\..+)\.(?:phase|reconnected_at)$/.exec(field)?.[1];
      const name = field === 'approval_decision' ? 'approval_decided_by' : session && `${session}.user`;
      const person = name === undefined ? undefined : state[name];
      if (typeof person === 'string') return person;
    }
  }
  return undefined;
}
