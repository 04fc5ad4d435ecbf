import { hash } from 'node:crypto';

import type { RefusedRecord } from '../database/recording/prepared-observation.ts';
import { SQLSTATE } from '../database/sqlstate.ts';
import { fitColumns, fitText } from '../domain/cut.ts';
import { reasonOf } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json.ts';
import {
  MAX_IDENTIFIER_LENGTH,
  MAX_REDACTED_RECORD_BYTES,
  MAX_WATCHED_OBSERVATION_BYTES,
} from '../domain/limits.ts';
import type { Observation } from '../domain/observation.ts';
import { AUDIT_PHASES } from '../domain/observation.ts';
import type { Columns } from '../domain/records/definition.ts';
import { definitionOf, isRecordTable } from '../domain/records/index.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Redactor } from '../redaction/redactor.ts';

/** An observation as it is stored; `fault` says why it is none. Then the observation only says what came instead. */
export interface Received {
  readonly observation: Observation;
  readonly fault?: RefusedRecord;
}

/** Takes one observation out of the input of an activity. Never throws. */
export type ReceiveObservation = (sent: unknown) => Received;

const sha256 = (text: string): string => hash('sha256', text);

interface ReceiverDependencies {
  readonly redactor: Redactor;
  readonly metrics: Pick<Metrics, 'receivedRedactions'>;
}

/**
 * Shape, redaction and size of what comes out of Temporal. The watcher and the service have seen to all three, and then it
 * stays as it is; but whoever may write to the namespace sends what they like, as a signal or as the input of an activity.
 */
export function createReceiver({ redactor, metrics }: ReceiverDependencies): ReceiveObservation {
  const count = (counts: Readonly<Record<string, number>>): void => {
    for (const [kind, times] of Object.entries(counts)) metrics.receivedRedactions.inc({ kind }, times);
  };
  const cleaned = (observation: Observation): Observation => {
    const { table, columns, resource } = observation;
    const definition = definitionOf(table);
    const redacted = redactor.redactColumns(definition, columns);
    count(redacted.counts);
    const fitted = fitColumns(definition, redacted.value, MAX_REDACTED_RECORD_BYTES, sha256).columns;
    const phase = resource?.phase === undefined ? undefined : redactor.redactText(resource.phase);
    count(phase?.counts ?? {});
    return {
      ...observation,
      columns: fitted,
      ...(resource === undefined || phase === undefined
        ? {}
        : { resource: { ...resource, phase: phase.value } }),
    };
  };
  return (sent) => {
    const refused = (reason: string): Received => ({
      observation: standIn(sent, redactor),
      fault: { status: 'refused', id: '', reason, sqlstate: SQLSTATE.invalid_text_representation },
    });
    const fault = faultIn(sent);
    if (fault !== undefined) return refused(fault);
    const observation = sent as Observation;
    // During an upgrade a watcher may know a table that this process does not know yet: the store delays it.
    if (!isRecordTable(observation.table)) return { observation };
    try {
      return { observation: cleaned(observation) };
    } catch (error: unknown) {
      // Of a column that should be JSON and is not. The message of the parser quotes what it read.
      if (!(error instanceof SyntaxError)) throw error;
      return refused(redactor.redactText(reasonOf(error)).value);
    }
  };
}

const TEXTS = [
  'table',
  'cluster',
  'key',
  'phase',
  'sourceVersion',
  'createdAt',
  'observedAt',
  'actor',
] as const;
const RESOURCE_TEXTS = ['kind', 'namespace', 'name', 'uid'] as const;
const OPTIONAL_TEXTS = ['phase', 'deletedAt', 'projectionHash'] as const;
const SOURCES: readonly unknown[] = ['resource', 'post', 'received'];

/** Why it is no observation. What PostgreSQL itself refuses is not looked for here. */
function faultIn(sent: unknown): string | undefined {
  if (!isObject(sent)) return 'it is no object';
  const wrong = TEXTS.find((name) => !isText(sent[name]));
  if (wrong !== undefined) return `${wrong}: it is no text, or a longer one than an observation may have`;
  if (!(AUDIT_PHASES as readonly unknown[]).includes(sent['phase'])) return 'phase: it is none of the audit';
  if (!SOURCES.includes(sent['createdAtSource']))
    return `createdAtSource: it is none of ${SOURCES.join(', ')}`;
  if (!isObject(sent['columns'])) return 'columns: they are no object';
  const odd = Object.entries(sent['columns']).find(
    ([, value]) => !['string', 'boolean'].includes(typeof value),
  );
  if (odd !== undefined) return 'columns: one is neither a text nor a truth value';
  return faultInResource(sent['resource']);
}

function faultInResource(resource: unknown): string | undefined {
  if (resource === undefined) return undefined;
  if (!isObject(resource)) return 'resource: it is no object';
  const isWrong = (name: string): boolean => !isText(resource[name]);
  const wrong =
    RESOURCE_TEXTS.find(isWrong) ??
    OPTIONAL_TEXTS.find((name) => resource[name] !== undefined && isWrong(name));
  return wrong === undefined
    ? undefined
    : `resource.${wrong}: it is no text, or a longer one than may travel`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_WATCHED_OBSERVATION_BYTES;
}

/** For the quarantine: what came, redacted, in the form of an observation. */
function standIn(sent: unknown, redactor: Redactor): Observation {
  const member = (name: string): string => {
    const value = isObject(sent) ? sent[name] : undefined;
    return typeof value === 'string' ? redactor.redactText(value).value.slice(0, MAX_IDENTIFIER_LENGTH) : '';
  };
  const received = JSON.stringify(redactor.redactJson((sent ?? null) as JsonValue).value);
  const columns: Columns = { extra: fitText(received, MAX_REDACTED_RECORD_BYTES, sha256) };
  return {
    ...{ table: member('table'), cluster: member('cluster'), key: member('key'), phase: 'progress' },
    ...{ sourceVersion: '0', createdAt: '', createdAtSource: 'received', observedAt: '', actor: '' },
    columns,
  };
}
