import { hash } from 'node:crypto';

import { canonicalContent } from '../../domain/canonical-content.ts';
import type { JsonValue } from '../../domain/json.ts';
import { isJsonObject, parseJson } from '../../domain/json.ts';
import type { AuditPhase } from '../../domain/observation.ts';
import { naturalKey } from '../../domain/observation.ts';
import type { Column, Columns, RecordDefinition } from '../../domain/records/definition.ts';
import { observedColumns } from '../../domain/records/definition.ts';
import { keyOfClientId, keyOfStart, ownKeyOf } from '../../identity/own-keys.ts';
import type { PostedRecord } from './read-post.ts';

/** A definition without rules came here: a defect of ours, because only postable kinds have a route. */
export class NotPostableError extends Error {
  readonly table: string;

  constructor(table: string) {
    super(`${table} takes no posts: its rows are derived from other records and resources`);
    this.name = 'NotPostableError';
    this.table = table;
  }
}

/** How posts of one table are distinguished, and which audit phase they record. */
interface PostRules {
  /** The resource's name, by which the watcher knows the row; undefined when the post does not say. */
  readonly resourceName: (
    columns: Columns,
    extra: (name: string) => string | undefined,
  ) => string | undefined;
  /** Whether the client's `id` is the identity. Elsewhere each call makes another one for the same thing. */
  readonly clientIdIsIdentity: boolean;
  /** Decides under which phase the observation stands in the ledger. */
  readonly phase: (columns: Columns) => AuditPhase;
}

/** By table. The source's own key of each is in identity/own-keys.ts. */
const RULES: Readonly<Record<string, PostRules>> = {
  workflow_execution_audit: {
    resourceName: (_columns, extra) => extra('crd_name'),
    clientIdIsIdentity: true,
    phase: (columns) => (columns['phase'] === 'Skipped' ? 'skip' : 'execution'),
  },
  kubernetes_execution_audit: {
    resourceName: (columns) => optional(columns, 'execution_id'),
    clientIdIsIdentity: true,
    phase: () => 'action',
  },
  signal_processing_audit: {
    resourceName: (_columns, extra) => extra('crd_name'),
    clientIdIsIdentity: true,
    phase: () => 'signal-processing',
  },
  ai_analysis_audit: {
    resourceName: (columns) => optional(columns, 'crd_name'),
    // RecordInvestigation of source 003 makes one in each call; the start says which analysis it is.
    clientIdIsIdentity: false,
    phase: phaseOfAnalysis,
  },
};

/**
 * Identity of a posted record: the watcher's own where the post names remediation and resource, so that both
 * meet in one row. Else the client's id where that is an identity, else `source_uid`, else the source's own key with the
 * start of that execution, else the client's id where it has no start. A post without any of them is only the same as one of the
 * same content, unless it carries a `revision`, whoever numbers posts says that they are about one record, or its source calls
 * the newest record by its key alone.
 */
export function keyOfPost(definition: RecordDefinition, record: PostedRecord): string {
  const rules = rulesOf(definition);
  const { columns, about } = record;
  const remediationUid = optional(columns, 'remediation_uid');
  const resourceName = rules.resourceName(columns, (name) => extraText(record, name));
  if (remediationUid !== undefined && resourceName !== undefined)
    return naturalKey(remediationUid, resourceName);
  if (rules.clientIdIsIdentity && about.id !== undefined) return keyOfClientId(about.id);
  const sourceUid = optional(columns, 'source_uid');
  if (sourceUid !== undefined) return naturalKey('post', 'source_uid', sourceUid);
  return keyOfOwn(definition, record);
}

function keyOfOwn(definition: RecordDefinition, record: PostedRecord): string {
  const { columns, about } = record;
  // The source of actions posts the creation time of its resource as created_at.
  const started = keyOfStart(definition.table, columns, about.created_at);
  if (started !== undefined) return started;
  if (about.id !== undefined) return keyOfClientId(about.id);
  const { parts, isEnough } = ownKeyOf(definition.table, columns);
  if (isEnough || about.revision !== undefined) return naturalKey('post', ...parts);
  return naturalKey('post', 'content', ...parts, contentHash(definition, record));
}

/** The text under which the ledger keeps the content, with the time that the post says of itself. */
function contentHash(definition: RecordDefinition, { columns, about }: PostedRecord): string {
  const content = `${about.created_at ?? ''} ${canonicalContent(definition, columns)}`;
  return hash('sha256', content);
}

export function phaseOfPost(definition: RecordDefinition, columns: Columns): AuditPhase {
  return rulesOf(definition).phase(columns);
}

/**
 * One analysis is posted at several stages. A failure decides the phase, else the furthest stage of which the
 * post carries something.
 */
function phaseOfAnalysis(columns: Columns): AuditPhase {
  const status = columns['completion_status'];
  if (status === 'failed' || status === 'timeout') return 'analysis-failure';
  const carries = (...names: readonly string[]): boolean => names.some((name) => columns[name] !== undefined);
  if (carries(...RECOMMENDATION)) return 'recommendation';
  return carries(...ANALYSIS) ? 'analysis' : 'investigation';
}

const RECOMMENDATION = [
  ...['recommendation_start', 'recommendation_end', 'recommendations', 'top_recommendation'],
  ...['effectiveness_probability', 'historical_success_rate', 'workflow_crd_name', 'workflow_crd_namespace'],
];
const ANALYSIS = [
  ...['analysis_start', 'analysis_end', 'analysis_duration_ms', 'confidence_score', 'hallucination_detected'],
];

function rulesOf({ table }: RecordDefinition): PostRules {
  const rules = RULES[table];
  if (rules === undefined) throw new NotPostableError(table);
  return rules;
}

/** A text of `extra`; undefined when it is absent or empty. */
function extraText({ columns }: PostedRecord, name: string): string | undefined {
  const extra = columns['extra'];
  const value: unknown =
    typeof extra === 'string' ? (JSON.parse(extra) as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function optional(columns: Columns, name: string): string | undefined {
  const value = columns[name];
  return typeof value === 'string' ? value : undefined;
}

/** A time that a post carries, and the field in which it stands. */
export interface CarriedTime {
  readonly field: string;
  readonly instant: string;
}

/** All instants that a record carries, in time columns and in the described members of JSON columns, earliest first. */
export function carriedTimes(definition: RecordDefinition, columns: Columns): readonly CarriedTime[] {
  const times: CarriedTime[] = [];
  for (const column of timedColumns(definition)) {
    const value = columns[column.name];
    if (typeof value !== 'string') continue;
    const carried = column.members === undefined ? [value] : instantsIn(column.members, parseJson(value));
    for (const instant of carried) times.push({ field: column.name, instant });
  }
  // Text of one form: its order is that of time.
  return times.sort((left, right) => (left.instant < right.instant ? -1 : 1));
}

/** Worked out once for each definition: every post needs them. */
const timedByDefinition = new WeakMap<RecordDefinition, readonly Column[]>();

function timedColumns(definition: RecordDefinition): readonly Column[] {
  const known = timedByDefinition.get(definition);
  if (known !== undefined) return known;
  const timed = observedColumns(definition).filter(
    ({ type, members }) => type === 'timestamptz' || members !== undefined,
  );
  timedByDefinition.set(definition, timed);
  return timed;
}

function instantsIn(members: NonNullable<Column['members']>, value: JsonValue): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => instantsIn(members, item));
  if (!isJsonObject(value)) return [];
  return Object.entries(members).flatMap(([name, type]) => {
    const member = value[name];
    return type === 'timestamptz' && typeof member === 'string' ? [member] : [];
  });
}
