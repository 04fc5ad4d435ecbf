import { utf8Length } from '../domain/bounds.ts';
import { intervalBetween } from '../domain/duration.ts';
import { parseInstant } from '../domain/instant.ts';
import type { AuditPhase, Observation } from '../domain/observation.ts';

/** Of one line in Temporal's UI, in characters. */
const MAX_SENTENCE = 160;
/** Of a summary, in bytes: a server may refuse one above 400 with the whole activity, and encryption adds to it. */
const MAX_SENTENCE_BYTES = 240;
/** Of a text that somebody wrote, within a sentence. */
const MAX_QUOTE = 80;

/** What a list says of its record, newest last: columns by name, and the members of `extra`. */
type Said = Readonly<Record<string, unknown>>;

/**
 * What a list records, in words: `investigation done in 42 s: OOMKilled, confidence 0.94`. It is the summary of the
 * activity, so that the history of a run reads as its audit trail.
 */
export function phaseSentence(phase: AuditPhase, observations: readonly Observation[]): string {
  const sentence = isOnlyDeletion(phase, observations)
    ? deletionOf(observations)
    : SENTENCES[phase](saidBy(observations), observations);
  return `${cutToBytes(cut(sentence, MAX_SENTENCE))}${repeated(observations)}`;
}

/** What is stored already, and goes again to say that now all of its resource's state is. */
export function confirmationSentence(observations: readonly Observation[]): string {
  const names = [...new Set(observations.map((one) => nameOf([one])))];
  return cutToBytes(cut(`confirmed that all of ${names.join(', ')} is stored`, MAX_SENTENCE));
}

/** The end of a remediation is more than its deletion. */
function isOnlyDeletion(phase: AuditPhase, observations: readonly Observation[]): boolean {
  return phase !== 'closure' && observations.every(({ resource }) => resource?.deletedAt !== undefined);
}

function deletionOf(observations: readonly Observation[]): string {
  const names = observations.map(({ resource }) => `${resource?.kind ?? ''} ${resource?.name ?? ''}`);
  return `${[...new Set(names)].join(', ')} deleted`;
}

const SENTENCES: Readonly<Record<AuditPhase, (said: Said, list: readonly Observation[]) => string>> = {
  progress: (_said, list) =>
    `remediation ${nameOf(list)}${colon(phasesOf(list, 'overall_phase').join(' → '))}`,
  'signal-processing': (said, list) =>
    join(
      `signal processed by ${nameOf(list)}`,
      word(said, 'status'),
      word(said, 'environment'),
      word(said, 'priority'),
    ),
  investigation: (said) =>
    join(
      takenPart(said) ?? investigationClause(said),
      word(said, 'root_cause') ?? word(said, 'investigation_report'),
      score(said, 'confidence_score') ?? score(sessionIn(said, 'agent_sessions'), 'confidence'),
    ),
  analysis: (said) => join('analysis', word(said, 'completion_status'), score(said, 'confidence_score')),
  recommendation: (said) =>
    join(
      'recommendation',
      word(said, 'top_recommendation') ?? labelled(said, 'workflow_crd_name', 'executed by'),
      score(said, 'confidence_score'),
      word(said, 'failure_reason'),
    ),
  'analysis-failure': (said) =>
    join('analysis failed', word(said, 'failure_reason') ?? word(said, 'completion_status')),
  execution: (said, list) =>
    join(
      `execution of ${word(said, 'workflow_name') ?? nameOf(list)}${took(said, 'started_at', 'completed_at')}`,
      phasesOf(list, 'phase').join(' → '),
      word(said, 'failure_reason'),
    ),
  action: (said, list) =>
    join(
      `action ${word(said, 'action_type') ?? nameOf(list)}${took(said, 'start_time', 'end_time')}`,
      phasesOf(list, 'phase').join(' → '),
      word(said, 'error'),
    ),
  skip: (said) => join('skipped', word(said, 'skip_reason'), behind(said)),
  approval: (said) =>
    isThere(said['approval_decision'])
      ? join('approval', word(said, 'approval_decision'), by(said))
      : join(approvalClause(said), word(said, 'approval_reason')),
  verification: (said) =>
    join(
      'verification',
      word(said, 'verification_reason') ?? word(said, 'verification_phase'),
      labelled(said, 'verification_health_score', 'health'),
    ),
  notification: (said, list) => {
    const { type, phase } = membersOf(membersOf(said['notifications'])[nameOf(list)]);
    return join(`notification ${nameOf(list)}`, word({ type }, 'type'), word({ phase }, 'phase'));
  },
  closure: (said, list) =>
    isThere(said['verdict'])
      ? join(`remediation ${nameOf(list)} closed${took(said, 'started_at', 'completed_at')}`, ...endOf(said))
      : `audit of ${nameOf(list)} closed by an operator`,
};

/** A session that failed is not the end of the investigation: another one may follow. */
function investigationClause(said: Said): string {
  const session = sessionIn(said, 'agent_sessions');
  if (session['phase'] === 'Failed') return `agent session failed${colon(word(session, 'reason') ?? '')}`;
  const isDone = isThere(said['investigation_end']);
  return `investigation${isDone ? ' done' : ' going on'}${took(said, 'investigation_start', 'investigation_end')}`;
}

/** Of somebody who joined the investigation or took it over; undefined when nothing is said of one. */
function takenPart(said: Said): string | undefined {
  const session = sessionIn(said, 'investigation_sessions');
  const mode = word(session, 'join_mode') === 'takeover' ? 'taken over' : 'joined';
  const user = word(session, 'user');
  return user === undefined
    ? undefined
    : join(`investigation ${mode} by ${user}`, word(session, 'phase'), word(session, 'connection'));
}

/** The entry that the newest observation of the list has; each says one session. */
function sessionIn(said: Said, column: string): Said {
  return membersOf(Object.values(membersOf(said[column]))[0]);
}

function approvalClause({ approval_required: isRequired }: Said): string {
  if (typeof isRequired !== 'boolean') return 'approval';
  return isRequired ? 'approval required' : 'no approval required';
}

/** `terminal` is what an end is unless it says otherwise. */
function endOf(said: Said): (string | undefined)[] {
  if (said['verdict'] !== 'deleted-before-terminal')
    return [word(said, 'outcome') ?? word(said, 'overall_phase')];
  return ['deleted before its end', labelled(said, 'overall_phase', 'last seen')];
}

function saidBy(observations: readonly Observation[]): Said {
  const said: Record<string, unknown> = {};
  for (const { columns } of observations) {
    for (const [name, value] of Object.entries(columns)) if (isThere(value)) said[name] = value;
    Object.assign(said, membersOf(columns['extra']));
  }
  return said;
}

/** `extra` is JSON text that we wrote; of what is not, nothing is said. */
function membersOf(extra: unknown): Said {
  if (typeof extra === 'object' && extra !== null) return extra as Said;
  if (typeof extra !== 'string') return {};
  try {
    const value: unknown = JSON.parse(extra);
    return typeof value === 'object' && value !== null ? (value as Said) : {};
  } catch {
    // A workflow must not fail over a sentence.
    return {};
  }
}

/** The phases that a list shows, each once as they follow each other. */
function phasesOf(observations: readonly Observation[], column: string): string[] {
  const phases = observations.flatMap(({ columns }) => {
    const phase = columns[column];
    return typeof phase === 'string' && phase !== '' ? [phase] : [];
  });
  return phases.filter((phase, index) => phase !== phases[index - 1]);
}

/** Which resource, by the newest of the list; else the record's own name. */
function nameOf(observations: readonly Observation[]): string {
  const last = observations.at(-1);
  if (last?.fragment === true || last?.resource === undefined) return lastPart(last?.key ?? '');
  return last.resource.name;
}

/** Natural keys end in the resource's name where they name one. */
function lastPart(key: string): string {
  const part = key.slice(key.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(part);
  } catch {
    // Not a key of ours: shown as it is, because a workflow must not fail over a sentence.
    return part;
  }
}

function repeated(observations: readonly Observation[]): string {
  return observations.length === 1 ? '' : ` (${observations.length} observations)`;
}

function word(said: Said, name: string): string | undefined {
  const value = said[name];
  if (!isThere(value)) return undefined;
  const [line = ''] = (typeof value === 'string' ? value : JSON.stringify(value)).trim().split('\n');
  return line === '' ? undefined : cut(line, MAX_QUOTE);
}

function score(said: Said, name: string): string | undefined {
  return labelled(said, name, 'confidence');
}

function labelled(said: Said, name: string, label: string): string | undefined {
  const value = word(said, name);
  return value === undefined ? undefined : `${label} ${value}`;
}

function behind(said: Said): string | undefined {
  return labelled(said, 'conflicting_wfe', 'behind');
}

function by(said: Said): string | undefined {
  return labelled(said, 'approval_decided_by', 'by');
}

function took(said: Said, start: string, end: string): string {
  const [from, to] = [said[start], said[end]];
  return typeof from === 'string' && typeof to === 'string' ? inTime(from, to) : '';
}

function inTime(from: string, to: string): string {
  const time = timeBetween(from, to);
  return time === undefined ? '' : ` in ${time}`;
}

/**
 * `42 s`, `4m12s`; undefined where the end is before the start, or where either is no instant: the store refuses such an
 * observation and keeps it in quarantine, and a workflow must not fail over it before that.
 */
export function timeBetween(from: string, to: string): string | undefined {
  return isInstant(from) && isInstant(to) && to >= from ? inSeconds(from, to) : undefined;
}

function inSeconds(from: string, to: string): string {
  const [hours = 0, minutes = 0, seconds = 0] = intervalBetween(from, to)
    .split(':')
    .map((part) => Math.trunc(Number(part)));
  if (hours + minutes === 0) return `${seconds} s`;
  return `${hours > 0 ? `${hours}h` : ''}${minutes}m${seconds}s`;
}

/** A clause, then what is known of it after a colon. */
function join(clause: string, ...facts: readonly (string | undefined)[]): string {
  return `${clause}${colon(facts.filter((fact) => fact !== undefined && fact !== '').join(', '))}`;
}

const colon = (text: string): string => (text === '' ? '' : `: ${text}`);
const isThere = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

const isInstant = (text: string): boolean => parseInstant(text) === text;

/** Between characters: half of one is no text. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const characters = Array.from(text);
  return characters.length <= most
    ? text
    : `${characters
        .slice(0, most - 1)
        .join('')
        .trimEnd()}…`;
}

function cutToBytes(text: string): string {
  let short = text;
  for (let most = Array.from(text).length - 1; utf8Length(short) > MAX_SENTENCE_BYTES; most -= 1)
    short = cut(text, most);
  return short;
}
