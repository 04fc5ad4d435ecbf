import { positionOf } from '../../database/reading/record-reader.ts';
import type { JsonObject } from '../../domain/json.ts';
import { named } from '../../domain/named-schema.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import type { RemediationPart } from '../../query/combined-remediation.ts';
import type { ApiRequest } from '../http/route.ts';
import { writeLedgerCursor } from './ledger-cursor.ts';
import { INCLUDE_ARCHIVE, writeCursor } from './list-query.ts';
import type { FoundRemediation } from './remediation-question.ts';

/*
 * What an answer about one remediation leaves out because there is too much of it, with the addresses that answer the rest. An
 * answer is bounded in records and in bytes; each address is of a route whose pages are, too.
 */

/** A list of the answer that has only its first items. */
export interface LeftOut {
  /** Member of the full view. */
  readonly what: string;
  /** Items that were read. */
  readonly given: number;
  /** Where the rest is: the first page of each, with the position behind the last item that was read. */
  readonly next: readonly string[];
}

export const LEFT_OUT_SCHEMA: JsonObject = {
  type: 'array',
  description:
    'Lists of which only the first items were read, because there is too much; empty when complete',
  items: named('LeftOut', {
    type: 'object',
    required: ['what', 'given', 'next'],
    properties: {
      what: { type: 'string', description: 'Member of the full view, such as timeline' },
      given: { type: 'integer', description: 'Items that were read' },
      next: {
        type: 'array',
        items: { type: 'string' },
        description: 'Addresses of the rest, behind the last item that was read',
      },
    },
  }),
};

const PLURALS: Readonly<Record<string, string>> = {
  'ai-analysis': 'ai_analyses',
};

/** `workflow_executions` for `workflow-execution`. */
export function memberName({ kind }: RecordDefinition): string {
  return PLURALS[kind] ?? `${kind.replaceAll('-', '_')}s`;
}

/** Empty when nothing is. */
export function describeLeftOut(found: FoundRemediation, request: ApiRequest): readonly LeftOut[] {
  const { parts, timeline } = found;
  const records = parts.filter(({ isMore }) => isMore).map((part) => leftOutOf(part, found));
  if (timeline.next === undefined) return records;
  const path = ['cluster', 'namespace', 'name'].map((name) => encodeURIComponent(request.params[name] ?? ''));
  const query = new URLSearchParams({
    uid: uidOf(found),
    ...(typeof request.query[INCLUDE_ARCHIVE] === 'string'
      ? { [INCLUDE_ARCHIVE]: request.query[INCLUDE_ARCHIVE] }
      : {}),
    cursor: writeLedgerCursor(timeline.next),
  });
  const next = `/api/v1/remediations/${path.join('/')}/ledger?${query.toString()}`;
  return [...records, { what: 'timeline', given: timeline.entries.length, next: [next] }];
}

function uidOf({ chosen }: FoundRemediation): string {
  return String(chosen.row['remediation_uid']);
}

/** By the uid; posts that know only the name are listed by that, where the name says whose they are. */
function leftOutOf({ definition, rows }: RemediationPart, found: FoundRemediation): LeftOut {
  const { cluster, remediation_id: name } = found.chosen.row;
  const last = rows.at(-1);
  const page = {
    cluster: String(cluster),
    order: 'oldest',
    ...(last === undefined ? {} : { cursor: writeCursor(positionOf(last.row)) }),
  };
  const byName = found.others.length === 0 && typeof name === 'string' ? [{ remediation_id: name }] : [];
  const next = [{ remediation_uid: uidOf(found) }, ...byName].map(
    (filter) => `/api/v1/audit/${definition.kind}?${new URLSearchParams({ ...filter, ...page }).toString()}`,
  );
  return { what: memberName(definition), given: rows.length, next };
}
