import type { EmbeddingStore, SimilarInvestigation } from '../../database/embeddings/embedding-store.ts';
import { TEXT_FILTER_SCHEMA } from '../../domain/column-types.ts';
import type { Embedder } from '../../embedding/embedder.ts';
import { EmbeddingUnavailableError } from '../../embedding/embedder.ts';
import { basisText } from '../../query/reports/basis.ts';
import type { ReportSources } from '../../query/reports/combined-report.ts';
import { runCombinedReport } from '../../query/reports/combined-report.ts';
import { formatCsv, formatJson } from '../../query/reports/formats.ts';
import { ReportParameterError } from '../../query/reports/parameters.ts';
import { type Report, type ReportName, REPORTS } from '../../query/reports/reports.ts';
import type { ReportAnswer } from '../../query/reports/run-report.ts';
import { ReportTooLargeError } from '../../query/reports/run-report.ts';
import {
  findSimilarInvestigations,
  type SimilarQuestion,
  UnknownFingerprintError,
} from '../../query/similar-investigations.ts';
import { negotiate } from '../http/accept.ts';
import { invalidParameter, Problem, retryAfter } from '../http/problems.ts';
import type { CallerQuota } from '../http/quota.ts';
import type { ApiRequest, Route } from '../http/route.ts';
import { CSV_MEDIA_TYPE, JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';
import { allowOnly } from '../http/route.ts';
import {
  describeParameter,
  REPORT_LIST_SCHEMA,
  reportSchema,
  SIMILAR_SCHEMA,
} from '../schemas/report-schema.ts';
import {
  describeIncludeArchive,
  describeRaw,
  INCLUDE_ARCHIVE,
  limitSchema,
  readCsvOptions,
  readIncludeArchive,
  readLimit,
  singleText,
} from './list-query.ts';
import { ARCHIVE_PROBLEMS, fromDatabase, fromEverywhere, unsearchedHeaders } from './storage-problems.ts';

/**
 * The list of the named questions, and one address for each. Everything about them follows from
 * `query/reports/`.
 */
export function reportRoutes(sources: ReportSources): readonly Route[] {
  return [reportList(), ...REPORTS.map((report) => reportRoute(report, sources))];
}

function reportList(): Route {
  const parameters = (report: Report) =>
    report.parameters.map(({ name, type, default: byDefault, meaning }) => ({
      name,
      type,
      default: byDefault,
      meaning,
    }));
  const items = REPORTS.map((report: Report) => ({
    name: report.name,
    title: report.title,
    question: report.question,
    parameters: parameters(report),
  }));
  return {
    method: 'GET',
    path: '/api/v1/reports',
    access: 'list',
    describe: {
      summary: 'The named questions, with their parameters',
      tag: 'reports',
      answers: {
        200: { meaning: 'All of them', content: { [JSON_MEDIA_TYPE]: { schema: REPORT_LIST_SCHEMA } } },
      },
    },
    answer(request) {
      allowOnly(request.query, []);
      return jsonAnswer({ items });
    },
  };
}

type NamedReport = Report & { readonly name: ReportName };

export function reportRoute(report: NamedReport, sources: ReportSources): Route {
  return {
    method: 'GET',
    path: `/api/v1/reports/${report.name}`,
    access: 'list',
    describe: {
      summary: report.question,
      tag: 'reports',
      query: [...report.parameters.map(describeParameter), INCLUDED, describeRaw],
      answers: {
        200: {
          meaning: 'The answer',
          content: {
            [JSON_MEDIA_TYPE]: { schema: reportSchema(report.name) },
            [CSV_MEDIA_TYPE]: { schema: { type: 'string' } },
          },
        },
      },
      problems: [
        'invalid-parameter',
        'not-acceptable',
        'report-too-large',
        'reports-busy',
        'query-too-slow',
        'database-unavailable',
        ...ARCHIVE_PROBLEMS,
      ],
    },
    async answer(request) {
      const mediaType = negotiate(request.accept, [JSON_MEDIA_TYPE, CSV_MEDIA_TYPE]);
      const csv = readCsvOptions(request.query);
      const answer = await answerReport(report, sources, request);
      const body = mediaType === CSV_MEDIA_TYPE ? formatCsv(answer, csv) : formatJson(answer);
      const headers = { 'report-basis': basisText(answer.basis), ...unsearchedHeaders(answer.unsearched) };
      return { status: 200, mediaType, body, headers, rows: answer.rows.length };
    },
  };
}

const INCLUDED = describeIncludeArchive('Whether months that are in the archive are read too', false);

/** For the route and for the page; throws the problem of a wrong parameter, and of what keeps it from an answer. */
export async function answerReport(
  report: Report,
  sources: ReportSources,
  { query, signal }: Pick<ApiRequest, 'query' | 'signal'>,
): Promise<ReportAnswer> {
  const names = Object.keys(query).filter((name) => name !== INCLUDE_ARCHIVE && name !== describeRaw.name);
  const args = Object.fromEntries(names.map((name) => [name, singleText(query, name)]));
  const options = { signal, includeArchive: readIncludeArchive(query) ?? false };
  return fromEverywhere(async () => {
    try {
      return await runCombinedReport(sources, { name: report.name, args }, options);
    } catch (error: unknown) {
      if (error instanceof ReportParameterError) {
        const { parameter, message } = error;
        throw invalidParameter(parameter, message.slice(parameter.length + 1));
      }
      if (error instanceof ReportTooLargeError) throw new Problem('report-too-large', error.message);
      throw error;
    }
  });
}

const MAX_SIMILAR = 100;
const DEFAULT_SIMILAR = 10;
const MODEL_RETRY_SECONDS = 10;

const has = (name: string) => ({ required: [name], properties: { [name]: TEXT_FILTER_SCHEMA } });

/** Investigations with their vectors, the model that makes them, and how often each caller may ask. */
export interface SimilarSources {
  readonly store: EmbeddingStore;
  readonly embedder: Embedder;
  readonly quota: CallerQuota;
}

/**
 * Investigations alike: of an alert, or of any text. The text goes to the embedding model; an alert has its
 * vector already.
 */
export function similarRoute(sources: SimilarSources): Route {
  return {
    method: 'GET',
    path: '/api/v1/investigations/similar',
    access: 'list',
    describe: {
      summary: 'What was found out before about something alike, nearest first',
      tag: 'reports',
      query: [
        { name: 'fingerprint', meaning: 'An alert whose investigation is known', schema: TEXT_FILTER_SCHEMA },
        { name: 'text', meaning: 'Any text, instead of a fingerprint', schema: TEXT_FILTER_SCHEMA },
        {
          name: 'environment',
          meaning: 'Only investigations in this environment',
          schema: TEXT_FILTER_SCHEMA,
        },
        {
          name: 'limit',
          meaning: 'Investigations at most',
          schema: limitSchema(MAX_SIMILAR, DEFAULT_SIMILAR),
        },
      ],
      together: {
        // One of the two, and not both. Generators of clients take these words, and no choice between objects.
        if: has('text'),
        then: { not: has('fingerprint') },
        else: has('fingerprint'),
      },
      answers: {
        200: { meaning: 'Nearest first', content: { [JSON_MEDIA_TYPE]: { schema: SIMILAR_SCHEMA } } },
      },
      problems: [
        ...(['invalid-parameter', 'not-found', 'too-many-requests'] as const),
        ...(['model-unavailable', 'database-unavailable'] as const),
      ],
    },
    async answer({ query, caller: { name } }) {
      allowOnly(query, ['fingerprint', 'text', 'environment', 'limit']);
      const question = {
        fingerprint: singleText(query, 'fingerprint'),
        text: singleText(query, 'text'),
        environment: singleText(query, 'environment'),
        limit: readLimit(query, MAX_SIMILAR, DEFAULT_SIMILAR),
      };
      if ((question.fingerprint === undefined) === (question.text === undefined))
        throw invalidParameter('fingerprint', 'or text must be given, and not both');
      const found = await findSimilar(sources, name, question);
      return jsonAnswer({ items: found.map(similarJson) }, found.length);
    },
  };
}

/** For the route and for the page, of which each caller has one quota; throws the problem that keeps it from an answer. */
export function findSimilar(
  { store, embedder, quota }: SimilarSources,
  caller: string,
  question: SimilarQuestion,
): Promise<SimilarInvestigation[]> {
  quota.require(caller, 'questions about similar investigations');
  const asking = { ...embedder, embed: (texts: readonly string[]) => embed(embedder, texts) };
  return fromDatabase(() => findKnown(store, asking, question));
}

export function similarJson(found: SimilarInvestigation) {
  return {
    id: found.id,
    created_at: found.createdAt,
    alert_fingerprint: found.alertFingerprint,
    environment: found.environment,
    remediation_uid: found.remediationUid,
    root_cause: found.rootCause,
    similarity: found.similarity,
    investigation_text: found.investigationText,
  };
}

/** A model that is away is an outage of its own, and must not seem to be one of the database. */
async function embed(embedder: Embedder, texts: readonly string[]): Promise<number[][]> {
  try {
    return await embedder.embed(texts);
  } catch (error: unknown) {
    if (!(error instanceof EmbeddingUnavailableError)) throw error;
    const detail = `the embedding model ${embedder.model} is unavailable; try again`;
    throw new Problem('model-unavailable', detail, { ...retryAfter(MODEL_RETRY_SECONDS), cause: error });
  }
}

/** An alert without a vector is a 404, as one that nobody knows is. */
async function findKnown(store: EmbeddingStore, embedder: Embedder, question: SimilarQuestion) {
  try {
    return await findSimilarInvestigations(store, embedder, question);
  } catch (error: unknown) {
    if (error instanceof UnknownFingerprintError) throw new Problem('not-found', error.message);
    throw error;
  }
}
