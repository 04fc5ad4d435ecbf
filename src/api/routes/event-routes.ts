import type pg from 'pg';

import type { RemediationAddress } from '../../database/reading/remediation-reader.ts';
import { TEXT_FILTER_SCHEMA } from '../../domain/column-types.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { forbidden } from '../auth/gate.ts';
import { ChangeFeed, type Subject } from '../events/change-feed.ts';
import { EventStream, type EventStreamOptions } from '../events/event-stream.ts';
import { DEFAULT_STREAM_LIMITS, OpenStreams, type StreamLimits } from '../events/open-streams.ts';
import { negotiate } from '../http/accept.ts';
import { invalidParameter } from '../http/problems.ts';
import { allowOnly, type Answer, type ApiRequest, type Query, type Route } from '../http/route.ts';
import { singleText } from './list-query.ts';
import { fromDatabase } from './storage-problems.ts';

const EVENTS_PATH = '/api/v1/events';
const EVENT_STREAM_MEDIA_TYPE = 'text/event-stream';
const ADDRESS = ['cluster', 'namespace', 'name'] as const;
/** As a browser sends it when it connects again, and for whoever cannot set a header. */
const LAST_ID_HEADER = 'last-event-id';
const LAST_ID = 'last_event_id';

export type StreamOptions = Partial<StreamLimits> & Pick<EventStreamOptions, 'heartbeatMs' | 'lifetimeMs'>;

interface ChangeEventsOptions extends StreamOptions {
  readonly pool: pg.Pool;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What the API and the page answer streams of events from. */
export interface ChangeEvents {
  /** The answer is a stream that goes on; refused where too many are open. */
  readonly answer: (request: ApiRequest) => Promise<Answer>;
  /** The state of now, from which a stream goes on without missing anything. */
  readonly stateOf: (subject: Subject) => Promise<string>;
}

export function createChangeEvents(options: ChangeEventsOptions): ChangeEvents {
  const feed = new ChangeFeed(options);
  const streams = new OpenStreams({ ...DEFAULT_STREAM_LIMITS, ...options });
  const { eventStreams, eventStreamsRefused } = options.metrics.api;
  const take = (caller: string): (() => void) => {
    try {
      const release = streams.take(caller);
      eventStreams.set(streams.open);
      return () => {
        release();
        eventStreams.set(streams.open);
      };
    } catch (error: unknown) {
      eventStreamsRefused.inc();
      throw error;
    }
  };
  const stateOf = (subject: Subject): Promise<string> => fromDatabase(() => feed.stateOf(subject));
  return {
    stateOf,
    async answer(request) {
      const { query, caller, ending } = request;
      const subject = await readSubject(request);
      negotiate(request.accept, [EVENT_STREAM_MEDIA_TYPE]);
      const onClose = take(caller.name);
      try {
        const resumedFrom = request.header(LAST_ID_HEADER) ?? singleText(query, LAST_ID);
        const state = await stateOf(subject);
        const { heartbeatMs, lifetimeMs } = options;
        const times = { heartbeatMs, lifetimeMs };
        return streamAnswer(
          new EventStream({ feed, subject, state, resumedFrom, ending, onClose, ...times }),
        );
      } catch (error: unknown) {
        onClose();
        throw error;
      }
    },
  };
}

/** One remediation by its whole name, or everything, for which a caller must be allowed to list. */
async function readSubject(request: ApiRequest): Promise<Subject> {
  const { query, caller } = request;
  allowOnly(query, [...ADDRESS, LAST_ID]);
  const address = readAddress(query);
  if (address !== undefined) return address;
  if (!(await request.may('list'))) throw forbidden(caller.name, 'list');
  return 'everything';
}

function readAddress(query: Query): RemediationAddress | undefined {
  const [cluster, namespace, name] = ADDRESS.map((part) => singleText(query, part));
  if (cluster === undefined && namespace === undefined && name === undefined) return undefined;
  const missing = ADDRESS.find((part) => singleText(query, part) === undefined);
  if (cluster === undefined || namespace === undefined || name === undefined)
    throw invalidParameter(missing ?? 'name', 'must be there: cluster, namespace and name come together');
  return { cluster, namespace, name };
}

function streamAnswer(body: EventStream): Answer {
  return {
    status: 200,
    mediaType: EVENT_STREAM_MEDIA_TYPE,
    body,
    headers: {
      // Proxies must not wait for more, and the connection has no other use once the stream has ended.
      'x-accel-buffering': 'no',
      connection: 'close',
    },
    goesOn: true,
  };
}

/** Reports that something was recorded, so that a client need not ask again and again. */
export function eventRoute({ answer }: ChangeEvents): Route {
  return {
    method: 'GET',
    path: EVENTS_PATH,
    access: 'get',
    describe: {
      summary: 'Server-sent events: that something was recorded, of one remediation or at all',
      tag: 'remediations',
      query: [
        ...ADDRESS.map((name) => ({
          name,
          meaning: 'Of the remediation; cluster, namespace and name come together, or none of them',
          schema: TEXT_FILTER_SCHEMA,
        })),
        {
          name: LAST_ID,
          meaning: 'Id of the last event that is known, for those who cannot send the header Last-Event-ID',
          schema: { type: 'string', maxLength: 100 },
        },
      ],
      answers: {
        200: {
          meaning: 'Events until somebody ends them',
          content: { [EVENT_STREAM_MEDIA_TYPE]: { schema: { type: 'string' } } },
        },
      },
      problems: [
        ...(['invalid-parameter', 'not-acceptable', 'too-many-requests', 'events-busy'] as const),
        ...(['query-too-slow', 'database-unavailable'] as const),
      ],
    },
    answer,
  };
}
