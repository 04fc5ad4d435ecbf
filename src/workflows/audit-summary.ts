import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';

import type { AuditPhase } from '../domain/observation.ts';
import { ACTIVITY_BY_PHASE } from '../domain/observation.ts';
import type { SearchAttribute } from '../domain/search-attributes.ts';
import { OPEN_PHASE, SEARCH_ATTRIBUTES } from '../domain/search-attributes.ts';
import type { AuditProgress, RemediationEnd, RemediationState } from './messages.ts';
import type { QueuedObservation } from './phase-queues.ts';
import { confirmationSentence, phaseSentence, timeBetween } from './phase-sentences.ts';

/** Rows of the table of records in a run's details; who needs more asks the database. */
const MAX_SHOWN_RECORDS = 20;

interface Ending {
  readonly remediation: RemediationState | undefined;
  readonly end: RemediationEnd | undefined;
}

/** One activity that runs, for the details of its run. */
export function recordingLine(phase: AuditPhase, list: readonly QueuedObservation[]): string {
  return `${ACTIVITY_BY_PHASE[phase]}: ${listSentence(phase, list)}`;
}

/** What a list records. What only confirms is named where there is nothing else: it says what was recorded before. */
export function listSentence(phase: AuditPhase, list: readonly QueuedObservation[]): string {
  const news = list.filter(({ isConfirmation }) => !isConfirmation);
  if (news.length === 0) return confirmationSentence(list.map(({ observation }) => observation));
  return phaseSentence(
    phase,
    news.map(({ observation }) => observation),
  );
}

/** What an operator reads of a run in Temporal's UI. */
export function detailsOf(progress: AuditProgress): string {
  const { remediation, phase, end, records, recording, waiting, parked, waitsFor } = progress;
  const shown = Object.entries(records).slice(-MAX_SHOWN_RECORDS);
  const hidden = Object.keys(records).length - shown.length;
  return [
    `**${remediation.namespace}/${remediation.name}** in ${remediation.cluster}: ${phase ?? 'phase not seen yet'}`,
    '',
    `Waits for ${waitsFor}.`,
    ...(end === undefined ? [] : ['', `Ended: ${endedBy(end)}.`]),
    // Without an empty line Temporal's UI makes one paragraph of it.
    '',
    ...recording.map((line) => `- now: ${line}`),
    ...(waiting === 0 ? [] : [`- ${counted(waiting, 'observation')} queued`]),
    ...(parked === 0 ? [] : [`- ${counted(parked, 'partial record')} waiting for the record`]),
    '',
    '| record | last phase | stored | quarantined |',
    '|---|---|---|---|',
    ...shown.map(
      ([name, { phase: last, stored, quarantined }]) =>
        `| ${shortName(name, remediation.uid)} | ${last} | ${stored} | ${quarantined} |`,
    ),
    ...(hidden === 0 ? [] : [`| and ${hidden} more | | | |`]),
  ].join('\n');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** Table and resource: the remediation is the same in every row, and the UI gives little room. */
function shortName(name: string, remediationUid: string): string {
  return name.replace(`/${remediationUid}`, '');
}

/** The sentence under which a closed run is found again: `remediated in 4m12s`. */
export function closingSentence({ remediation, end }: Ending): string {
  if (end === undefined) return 'open';
  if (end.by !== 'closure') return endedBy(end);
  if (end.verdict === 'deleted-before-terminal') {
    return `deleted before its end, last seen ${remediation?.phase ?? 'without a phase'}`;
  }
  return `${outcomeWords(remediation)}${tookTime(remediation)}`;
}

/** For the search attribute: the outcome, else the phase in which it ended, else how the audit itself ended. */
export function outcomeOf({ remediation, end }: Ending): string {
  if (end === undefined) return 'open';
  if (end.verdict === undefined) return `closed-${end.by}`;
  const isOwn = end.by === 'closure' && end.verdict === 'terminal';
  return (isOwn ? (remediation?.outcome ?? remediation?.phase) : undefined) ?? end.verdict;
}

function endedBy({ by, verdict, reason }: RemediationEnd): string {
  switch (by) {
    case 'closure':
      return `its verdict is ${verdict ?? 'unknown'}`;
    case 'known':
      return `late observations recorded; its verdict was ${verdict ?? 'unknown'} already`;
    case 'operator':
      return `closed by an operator: ${reason ?? ''}`;
    case 'orphan':
      return 'closed without a verdict: its own resource was never seen, and nothing more came';
  }
}

function outcomeWords(remediation: RemediationState | undefined): string {
  if (remediation?.outcome !== undefined) return inWords(remediation.outcome);
  const phase = inWords(remediation?.phase ?? 'ended');
  if (remediation?.failurePhase === undefined) return phase;
  const during = inWords(remediation.failurePhase);
  // "while executing", "while blocked", but "during approval".
  return `${phase} ${/^\w+(?:ing|ed)\b/.test(during) ? 'while' : 'during'} ${during}`;
}

/** What was done is done in a time, and what went wrong does so after it. */
function tookTime(remediation: RemediationState | undefined): string {
  if (remediation?.startedAt === undefined || remediation.completedAt === undefined) return '';
  const time = timeBetween(remediation.startedAt, remediation.completedAt);
  return time === undefined ? '' : ` ${remediation.outcome === undefined ? 'after' : 'in'} ${time}`;
}

/** `NoActionRequired` as people write it. */
function inWords(word: string): string {
  return word.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

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
