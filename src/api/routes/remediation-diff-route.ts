import type { LedgerEntry } from '../../database/reading/record-history.ts';
import { parseJson } from '../../domain/json.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import { differencesOf } from '../../query/remediation/difference.ts';
import { invalidParameter, Problem } from '../http/problems.ts';
import type { Answer, ApiRequest, Query, QueryDescription, Route } from '../http/route.ts';
import { allowOnly, JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';
import { DIFF_SCHEMA } from '../schemas/remediation-schema.ts';
import { INCLUDE_ARCHIVE, singleText } from './list-query.ts';
import {
  findRemediation,
  type FoundRemediation,
  MAX_ENTRIES,
  PATH_PARAMETERS,
  REMEDIATION_PATH,
  REMEDIATION_PROBLEMS,
  REMEDIATION_QUERY,
} from './remediation-question.ts';
import { butNotSearched, unsearchedHeaders } from './storage-problems.ts';

const HASH = /^[0-9a-f]{64}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** An observation is named by the hash of what it says, so that one name never means two contents. */
const DIFF_QUERY: readonly QueryDescription[] = [
  {
    name: 'record',
    meaning: 'Record whose observations are compared: `record_id` of the ledger; must be there',
    schema: { type: 'string', format: 'uuid' },
  },
  ...(['from', 'to'] as const).map((name) => ({
    name,
    meaning: `Observation that the differences go ${name}: \`content_hash\` of the ledger; must be there`,
    schema: { type: 'string', pattern: HASH.source },
  })),
];

/** What differs between any two observations of one record of a remediation. */
export function diffRoute(finder: RecordFinder): Route {
  return {
    method: 'GET',
    path: `${REMEDIATION_PATH}/diff`,
    access: 'get',
    describe: {
      summary: 'What differs between two observations of one of its records',
      tag: 'remediations',
      path: PATH_PARAMETERS,
      query: [...DIFF_QUERY, ...REMEDIATION_QUERY],
      answers: {
        200: { meaning: 'The differences, by path', content: { [JSON_MEDIA_TYPE]: { schema: DIFF_SCHEMA } } },
      },
      problems: REMEDIATION_PROBLEMS,
    },
    answer: (request) => answerDiff(finder, request),
  };
}

/** Two observations of a record. */
interface ComparedObservations {
  readonly record: string;
  readonly from: string;
  readonly to: string;
}

async function answerDiff(finder: RecordFinder, request: ApiRequest): Promise<Answer> {
  allowOnly(request.query, ['record', 'from', 'to', 'uid', INCLUDE_ARCHIVE]);
  const compared = readCompared(request.query);
  const found = await findRemediation(finder, request, { timeline: { limit: MAX_ENTRIES }, maxParts: 0 });
  const body = { ...differenceIn(found, compared), unsearched: found.unsearched ?? null };
  return {
    ...jsonAnswer(body, 1 + found.timeline.entries.length),
    headers: unsearchedHeaders(found.unsearched),
  };
}

export function readCompared(query: Query): ComparedObservations {
  const readHash = (name: string): string =>
    readName(query, name, HASH, 'must be the content_hash of an entry of the ledger');
  return { record: readRecord(query), from: readHash('from'), to: readHash('to') };
}

export function readRecord(query: Query): string {
  return readName(query, 'record', UUID, 'must be the record_id of an entry of the ledger');
}

/** For the route and for the page; throws the problem of an observation that is not there. */
export function differenceIn(found: FoundRemediation, { record, from, to }: ComparedObservations) {
  const [before, after] = [observationOf(found, record, from), observationOf(found, record, to)];
  return {
    ...{ record_id: record, from: observedOf(before), to: observedOf(after) },
    ...differencesOf(parseJson(before.content), parseJson(after.content)),
  };
}

function readName(query: Query, name: string, form: RegExp, detail: string): string {
  const text = singleText(query, name)?.toLowerCase();
  if (text === undefined || !form.test(text)) throw invalidParameter(name, detail);
  return text;
}

/** The first that says so: a later one with the same hash says the same. */
function observationOf(
  { timeline, unsearched }: FoundRemediation,
  record: string,
  hash: string,
): LedgerEntry {
  const entry = timeline.entries.find((one) => one.recordId === record && one.contentHash === hash);
  if (entry !== undefined) return entry;
  const where =
    timeline.next === undefined ? '' : ` among the first ${timeline.entries.length} entries of its ledger`;
  const detail = `no observation ${hash} of record ${record} is known of this remediation${where}`;
  throw new Problem(
    'not-found',
    unsearched === undefined ? detail : `${detail}, ${butNotSearched(unsearched)}`,
    { headers: unsearchedHeaders(unsearched) },
  );
}

function observedOf({ contentHash, observedAt, sourceVersion, phase }: LedgerEntry) {
  return { content_hash: contentHash, observed_at: observedAt, source_version: sourceVersion, phase };
}
