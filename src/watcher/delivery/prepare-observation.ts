import { hash } from 'node:crypto';

import { canonicalJson } from '../../domain/json.ts';
import { MAX_IDENTIFIER_LENGTH } from '../../domain/limits.ts';
import type { Observation, ObservedResource } from '../../domain/observation.ts';
import type { Columns } from '../../domain/records/definition.ts';
import { definitionOf } from '../../domain/records/index.ts';
import { boundState } from '../../kubernaut/bound-observation.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { Marked } from './sent-observations.ts';
import { markOf } from './sent-observations.ts';

export interface PreparationOptions {
  readonly cluster: string;
  readonly redactor: Redactor;
  readonly metrics: WatcherMetrics;
  readonly logger: Logger;
}

/** An observation as it may leave this process. */
export interface PreparedObservation extends Marked {
  readonly observation: Observation & { readonly resource: ObservedResource };
  /** Of what it is about, within its state. */
  readonly name: string;
  /** Of what it says. */
  readonly hash: string;
}

type Observed = PreparedObservation['observation'];

/**
 * Redacts and bounds what one state says: what Temporal receives stays in its history. `characters` are those of the
 * resource. Never throws. What cannot be prepared would fail the same way each time it was offered, and its resource would
 * never be recorded: it is reduced instead.
 */
export function prepareObservations(
  observations: readonly Observation[],
  { resource, characters = Infinity }: { readonly resource: ObservedResource; readonly characters?: number },
  options: PreparationOptions,
): PreparedObservation[] {
  const whole = observations.map((observed): Observed => ({
    ...observed,
    resource: redactPhase({ ...resource, ...observed.resource }, options),
  }));
  const redacted = whole.map((one) => redactOrReduce(one, options));
  const bounded = boundState(redacted, characters, sha256);
  return whole.map((one, index) => {
    const observation = bounded[index] ?? reduce(one, 'too-large', options);
    const [name, said] = [`${one.table} ${one.key} ${one.phase}`, contentHash(observation)];
    return { observation, name, hash: said, mark: markOf(name, said) };
  });
}

/** The resource's own word for where it is. Whoever writes the resource may put anything there. */
function redactPhase(resource: ObservedResource, options: PreparationOptions): ObservedResource {
  const { phase } = resource;
  return phase === undefined ? resource : { ...resource, phase: redactLine(phase, options) };
}

function redactOrReduce(whole: Observed, options: PreparationOptions): Observed {
  const { cluster, redactor, metrics } = options;
  try {
    const redacted = redactor.redactColumns(definitionOf(whole.table), whole.columns);
    for (const [rule, count] of Object.entries(redacted.counts))
      metrics.redactions.inc({ cluster, rule }, count);
    return { ...whole, columns: redacted.value };
  } catch (error: unknown) {
    // Not the error's message, which may quote what was to be redacted.
    return reduce(whole, 'failed', options, error instanceof Error ? error.name : typeof error);
  }
}

type ReductionReason = 'too-large' | 'failed';

/** What names a record and its resource. Names of the Kubernetes API, which hold no secrets. */
const IDENTIFYING_COLUMNS = [
  'remediation_id',
  'remediation_uid',
  'namespace',
  'source_kind',
  'source_uid',
  'source_shape',
] as const;

/** Identity, phase, hash of the state, and why there is no more of it. */
function reduce(
  whole: Observed,
  reason: ReductionReason,
  { cluster, metrics, logger }: PreparationOptions,
  cause?: string,
): Observed {
  const { kind, namespace, name, uid } = whole.resource;
  metrics.statesReduced.inc({ cluster, kind, reason });
  logger.error(
    {
      cluster,
      kind,
      namespace,
      name,
      uid,
      table: whole.table,
      reason,
      ...(cause === undefined ? {} : { cause }),
    },
    'a state cannot be prepared for sending; only its identity, phase and hash are recorded: keep the resource (kubectl get -o yaml) and report it',
  );
  const { columns, key, resource } = whole;
  const identity: Columns = Object.fromEntries(
    IDENTIFYING_COLUMNS.flatMap((name) => {
      const value = columns[name];
      return typeof value === 'string' && isShort(value) ? [[name, value]] : [];
    }),
  );
  const stateSha256 = sha256(JSON.stringify([columns, whole.fragment ?? false, resource.phase ?? '']));
  return {
    ...whole,
    // No index takes a longer one.
    key: isShort(key) ? key : `sha256:${sha256(key)}`,
    columns: { ...identity, extra: canonicalJson({ reduced: { reason, state_sha256: stateSha256 } }) },
    resource: {
      ...resource,
      ...(resource.phase === undefined ? {} : { phase: resource.phase.slice(0, MAX_IDENTIFIER_LENGTH) }),
    },
  };
}

function isShort(text: string): boolean {
  return text.length <= MAX_IDENTIFIER_LENGTH;
}

type LineOptions = Pick<PreparationOptions, 'redactor'>;

/** A text beside the record: a line of a list, a phase, a search attribute. Never throws. */
export function redactLine(text: string, { redactor }: LineOptions): string {
  try {
    return redactor.redactText(text).value;
  } catch {
    // A record says the reason; the line is only for people who read a list.
    return '[REDACTED:unreadable]';
  }
}

/** Characters of a line that people read in a list. */
const MAX_SUMMARY_LENGTH = 400;

/** The line about a remediation in Temporal's UI. Anybody who writes a resource decides how long it would be. */
export function prepareSummary(summary: string, options: LineOptions): string {
  const redacted = redactLine(summary, options);
  if (redacted.length <= MAX_SUMMARY_LENGTH) return redacted;
  // Half of a character would be no text any more.
  return `${redacted.slice(0, MAX_SUMMARY_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/**
 * Of what it says of its record. When it was seen, under which version and in which phase of its resource is no part of
 * that; nor whether the sibling that it is about is known by now.
 */
function contentHash({ columns, resource }: Observed): string {
  return sha256(canonicalJson([{ ...columns }, resource.deletedAt ?? '']));
}

export const sha256 = (text: string): string => hash('sha256', text);
