import type { RecordRow } from '../../database/reading/record-query.ts';
import { TEXT_FILTER_SCHEMA } from '../../domain/column-types.ts';
import { instantFromSql } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import { named } from '../../domain/named-schema.ts';
import type { SourcedRow, Unsearched } from '../../query/combined-answer.ts';
import type { CombinedRemediation, RemediationQuestion } from '../../query/combined-remediation.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import { Problem } from '../http/problems.ts';
import type { ApiRequest, QueryDescription } from '../http/route.ts';
import { describeIncludeArchive, readIncludeArchive, singleText } from './list-query.ts';
import { ARCHIVE_PROBLEMS, butNotSearched, fromEverywhere, unsearchedHeaders } from './storage-problems.ts';

/** Records of one kind, and entries of the ledger, that are read for one answer. */
const MAX_PARTS = 1_000;
export const MAX_ENTRIES = 2_000;

export const REMEDIATION_PATH = '/api/v1/remediations/:cluster/:namespace/:name';

export const PATH_PARAMETERS: Readonly<Record<string, JsonObject>> = {
  cluster: { type: 'string', description: 'Configured name of the cluster' },
  namespace: { type: 'string', description: 'Namespace of the remediation' },
  name: { type: 'string', description: 'Its name; the newest, should there be several' },
};

/** Those that every answer about one remediation takes. */
export const REMEDIATION_QUERY: readonly QueryDescription[] = [
  { name: 'uid', meaning: 'Another one of that name', schema: TEXT_FILTER_SCHEMA },
  describeIncludeArchive(
    'Whether the archive is searched: as far as it is needed for this remediation when left out, for others of its name too when true',
    false,
  ),
];

export const REMEDIATION_PROBLEMS = [
  'invalid-parameter',
  'not-found',
  'query-too-slow',
  'database-unavailable',
  ...ARCHIVE_PROBLEMS,
] as const;

export type FoundRemediation = CombinedRemediation & { readonly chosen: SourcedRow };

/**
 * Asks for the remediation. `include_archive` has three meanings here, and left out is one of them; see
 * docs/api.md.
 */
export async function findRemediation(
  finder: RecordFinder,
  { params, query, signal }: ApiRequest,
  wanted: Pick<RemediationQuestion, 'timeline'> & { readonly maxParts?: number },
): Promise<FoundRemediation> {
  const { cluster = '', namespace = '', name = '' } = params;
  if ([cluster, namespace, name].some((part) => part.includes('\0'))) throw unknownRemediation(undefined);
  const include = readIncludeArchive(query);
  const question = {
    ...{ cluster, namespace, name },
    uid: singleText(query, 'uid'),
    extent: include === true ? ('everything' as const) : ('as-needed' as const),
    maxParts: MAX_PARTS,
    ...wanted,
  };
  const found = await fromEverywhere(() =>
    finder.selectRemediation(question, { signal, includeArchive: include !== false }),
  );
  const { chosen } = found;
  if (chosen === undefined) throw unknownRemediation(found.unsearched);
  return { ...found, chosen };
}

function unknownRemediation(unsearched: Unsearched | undefined): Problem {
  const detail = 'no remediation of this cluster, namespace and name is known';
  return new Problem(
    'not-found',
    unsearched === undefined ? detail : `${detail}, ${butNotSearched(unsearched)}`,
    {
      headers: unsearchedHeaders(unsearched),
    },
  );
}

export const OTHER_SCHEMA = named('OtherRemediation', {
  type: 'object',
  required: ['uid', 'created_at'],
  properties: {
    uid: { type: ['string', 'null'] },
    created_at: { type: 'string', format: 'date-time' },
  },
});

export function otherOf(row: RecordRow) {
  return { uid: row['remediation_uid'], created_at: instantFromSql(String(row['created_at'])) };
}
