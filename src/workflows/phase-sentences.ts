import { utf8Length } from '../domain/bounds.ts';
import { intervalBetween } from '../domain/duration.ts';
import { parseInstant } from '../domain/instant.ts';
import type { Observation } from '../domain/observation.ts';
import type { AuditPhase } from '../domain/phases.ts';

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
  const sentence = SENTENCES[phase](saidBy(observations), observations);
  return `${cutToBytes(cut(sentence, MAX_SENTENCE))}${repeated(observations)}`;
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
      `investigation${isThere(said['investigation_end']) ? ' done' : ' going on'}${took(said, 'investigation_start', 'investigation_end')}`,
      word(said, 'root_cause') ?? word(said, 'investigation_report'),
      score(said, 'confidence_score'),
    ),
  analysis: (said) => join('analysis', word(said, 'completion_status'), score(said, 'confidence_score')),
  recommendation: (said) =>
    join(
      'recommendation',
      word(said, 'top_recommendation') ?? word(said, 'workflow_crd_name'),
      score(said, 'confidence_score'),
      word(said, 'failure_reason'),
    ),
  'analysis-failure': (said) => join('analysis failed', word(said, 'failure_reason')),
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
  approval: (said) => join('approval', word(said, 'approval_decision'), by(said)),
  verification: (said) =>
    join(
      'verification',
      word(said, 'verification_reason'),
      labelled(said, 'verification_health_score', 'health'),
    ),
  notification: (_said, list) => `notification of ${nameOf(list)}`,
  closure: (said, list) =>
    isThere(said['verdict'])
      ? join(
          `remediation ${nameOf(list)} closed${took(said, 'started_at', 'completed_at')}`,
          word(said, 'outcome') ?? word(said, 'overall_phase'),
          word(said, 'verdict'),
        )
      : `audit of ${nameOf(list)} closed by an operator`,
};

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
  return phases.filter((phase, place) => phase !== phases[place - 1]);
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

/**
 * ` in 42 s`, ` in 4m12s`; nothing where the end is before the start, or where either is no instant: the store refuses
 * such an observation and keeps it in quarantine, and a workflow must not fail over it before that.
 */
export function inTime(from: string, to: string): string {
  if (!isInstant(from) || !isInstant(to) || to < from) return '';
  return ` in ${inSeconds(from, to)}`;
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
