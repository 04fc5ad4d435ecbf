/*
 * The REST service: takes records and answers questions, on port 8085.
 *
 * `http/` accepts connections, reads requests, and turns every error into a problem (RFC 9457). `auth/` decides who calls.
 * `intake/` stores what is posted: in PostgreSQL, in Temporal while that is away, else not at all. `routes/` has one file
 * per group of addresses; `schemas/` describes them, `render/` writes records as JSON text.
 *
 * What must stay true: 201 and 202 mean that the database or Temporal has it, and nothing else does. Every read of records
 * leaves its trace before it is answered, also of a record that is not there; who was refused is counted. A caller is known before the body is read. What a client did wrong is a 4xx
 * that says how to mend it; an error of ours is a 500 and never a 503, which a client would retry for ever.
 */
import type pg from 'pg';

import { createEmbeddingStore } from '../../database/embeddings/embedding-store.ts';
import type { RetentionRules } from '../../database/months/retention-plan.ts';
import { noteAccess } from '../../database/reading/access-notes.ts';
import { repairJson } from '../../domain/repair.ts';
import type { Embedder } from '../../embedding/embedder.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { ArchiveAccess } from '../../query/combined-answer.ts';
import { createRecordFinder, type RecordFinder } from '../../query/record-finder.ts';
import { createReportLanes, type ReportLanes } from '../../query/reports/report-lanes.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import { AccessCounts } from '../http/access-counts.ts';
import type { AccessTrace } from '../http/access-trace.ts';
import { createQuotas, type QuotaLimits } from '../http/quota.ts';
import type { Route } from '../http/route.ts';
import type { Deferral, Durability } from '../intake/durability.ts';
import { createPosting } from '../intake/posting.ts';
import { codecRoutes, type PayloadCodecAccess } from './codec-routes.ts';
import { completenessRoute } from './completeness-route.ts';
import { type ChangeEvents, createChangeEvents, eventRoute, type StreamOptions } from './event-routes.ts';
import { holdRoutes } from './hold-routes.ts';
import { listRoutes } from './list-routes.ts';
import { postRoutes } from './post-routes.ts';
import { quarantineRoutes } from './quarantine-routes.ts';
import { recordRoutes } from './record-routes.ts';
import { remediationRoutes } from './remediation-routes.ts';
import { reportRoutes, similarRoute, type SimilarSources } from './report-routes.ts';
import { type RestoreRouteOptions, restoreRoutes } from './restore-routes.ts';
import { partitionRoute, retentionRoutes } from './retention-routes.ts';
import { probeRoutes, type Readiness, type ReadyBy, withDescription } from './service-routes.ts';
import { fromDatabase } from './storage-problems.ts';

/** What the routes need of the process. `serve-service.ts` opens and closes it; the routes own nothing. */
export interface ApiServices {
  /** Whether callers have to show a token; the description says so. */
  readonly asksWhoCalls: boolean;
  /** For questions, as a role that may write nothing. */
  readonly pool: pg.Pool;
  /** For what callers decide; posts are stored through `durability`. */
  readonly writer: pg.Pool;
  /** For reports, which sort more: those that are answered soon. */
  readonly reports: pg.Pool;
  /** For reports that take longer. Default: `reports`. */
  readonly slowReports?: pg.Pool;
  /** Months that are not in the database, or why they cannot be searched. */
  readonly archive: ArchiveAccess;
  /** Restores, and the rules by which the plan is made. */
  readonly retention: RestoreRouteOptions & { readonly rules: RetentionRules };
  /** Makes vectors of questions about similar investigations. */
  readonly embedder: Embedder;
  /** Stores posts, and quarantined observations that are tried again. */
  readonly durability: Durability;
  /** For the probe of readiness, and for embedding the texts of posts; `durability` was given it too. */
  readonly deferral?: Deferral | undefined;
  readonly redactor: Redactor;
  /** Without it there is no codec server. */
  readonly codec?: PayloadCodecAccess | undefined;
  /** How often one caller may ask for what is costly. */
  readonly quotas: QuotaLimits;
  /** The configured cluster. */
  readonly cluster: string;
  /** Status of a post that Temporal keeps: 201, the only success that the sources' clients know, or 202. */
  readonly deferredStatusCode: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Streams of events that may be open. Default: 50 of one caller, 500 of the process. */
  readonly streams?: StreamOptions;
  /** Clock in milliseconds by which posts are received. Default: that of the process. */
  readonly nowMs?: () => number;
}

/** What answers questions, for the API and for the page: both wait in the same queues. */
export interface Questions {
  readonly finder: RecordFinder;
  readonly lanes: ReportLanes;
  readonly similar: SimilarSources;
  readonly events: ChangeEvents;
}

export function createQuestions(services: ApiServices): Questions {
  const { pool, archive, reports, slowReports, embedder, logger, metrics, streams } = services;
  const { similar: quota } = createQuotas(services.quotas, services.nowMs);
  return {
    finder: createRecordFinder(pool, archive),
    lanes: createReportLanes(reports, slowReports),
    similar: { store: createEmbeddingStore(pool), embedder, quota },
    events: createChangeEvents({ pool, logger, metrics, ...streams }),
  };
}

/**
 * Everything the API answers, in the order of the description. `withDescription` comes last, because it
 * describes the others.
 */
export function createApiRoutes(
  services: ApiServices,
  { finder, lanes, similar, events }: Questions = createQuestions(services),
): readonly Route[] {
  const { pool, writer, durability, metrics } = services;
  const quotas = createQuotas(services.quotas, services.nowMs);
  const readiness: Readiness = {
    check: atMostOnceASecond(() => checkReadiness(services)),
    pending: () => durability.pending(),
  };
  const routes = [
    ...probeRoutes(readiness, metrics),
    ...postRoutes(createPosting({ ...services, embeddings: quotas.embeddings })),
    ...listRoutes(finder),
    ...recordRoutes(finder),
    ...remediationRoutes(finder, pool),
    ...reportRoutes({ lanes, archive: services.archive }),
    similarRoute(similar),
    completenessRoute(lanes),
    eventRoute(events),
    partitionRoute(pool),
    ...retentionRoutes({ pool, writer }, services.retention.rules),
    ...restoreRoutes({ pool, writer }, { ...services.retention, quota: quotas.restores }),
    ...holdRoutes({ pool, writer }),
    ...quarantineRoutes({ pool, writer }, durability),
    ...(services.codec === undefined ? [] : codecRoutes(services.codec)),
  ];
  return withDescription(routes, services);
}

/**
 * Leaves the trace of every read in the database that was read. Rejects with the problem of an outage, so
 * that an answer without a trace is a 503 and not a 500. What was asked for is redacted like what is posted: a
 * caller may ask for a secret that it found elsewhere.
 */
export function createAccessTrace(writer: pg.Pool, redactor: Redactor): AccessTrace {
  return (access) => {
    // Repaired: whoever asks with a NUL for what is not there is answered so, and noted.
    const filter = repairJson(redactor.redactJson(access.filter).value);
    return fromDatabase(() => noteAccess(writer, { ...access, filter }));
  };
}

/** Notes refusals there, once a minute. The caller closes it before the pool. */
export function createAccessCounts(writer: pg.Pool, logger: Logger): AccessCounts {
  return new AccessCounts({ note: (note) => noteAccess(writer, note), logger });
}

/** Ready as long as records can be accepted: by the database, or by Temporal while that is away. */
async function checkReadiness({ deferral, writer }: ApiServices): Promise<ReadyBy> {
  try {
    await writer.query('select 1');
    return 'database';
  } catch (error: unknown) {
    if (deferral === undefined) throw error;
    await deferral.ping();
    return 'temporal';
  }
}

/** How long what was found stays true enough for a probe, in milliseconds. */
const READINESS_MS = 1_000;

/**
 * Asks for all who ask within a second, and once at a time: anybody may ask, and none of them may take the connections of those
 * who decide something.
 */
function atMostOnceASecond<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    if (answer === undefined) {
      answer = ask();
      const forget = (): void => {
        setTimeout(() => {
          answer = undefined;
        }, READINESS_MS).unref();
      };
      answer.then(forget, forget);
    }
    return answer;
  };
}
