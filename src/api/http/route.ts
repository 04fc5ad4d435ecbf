import type { Readable } from 'node:stream';

import type { JsonObject } from '../../domain/json.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Caller, Verb } from '../auth/gate.ts';
import { invalidParameter, type Problem, type ProblemType } from './problems.ts';

/** What a route is given: a request whose caller is known and may do this, with its body as it came. */
export interface ApiRequest {
  /** As in the log and in problems. */
  readonly id: string;
  /** Parameters of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** Parameters of the query, decoded; a list where one was given twice. Read them with `singleText`. */
  readonly query: Readonly<Record<string, unknown>>;
  /** As it came; absent when the request had none. */
  readonly body: Buffer | undefined;
  /** Media type of the body without its parameters, in lower case; empty when none was said. */
  readonly mediaType: string;
  /** The `Accept` header; empty when there is none. */
  readonly accept: string;
  /** One header, named in lower case; undefined when it is empty or not there once. */
  readonly header: (name: string) => string | undefined;
  /** Who is responsible for what is done: goes into the ledger, holds, approvals and traces. */
  readonly caller: Caller;
  /** Whether the caller may do this too. Asked only where it matters; throws the problem when nobody can decide now. */
  may(verb: Verb): Promise<boolean>;
  /** Aborted when the client is gone and nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Aborted when the process was asked to end: what goes on for long ends by itself then, in order. */
  readonly ending: AbortSignal;
  /** Writes under the id of this request. */
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** What a route gives back when it succeeds; everything else it throws as a Problem. */
export interface Answer {
  readonly status: number;
  readonly mediaType: string;
  /** Already written: numbers of records never pass through JavaScript on their way out. A stream for what is large. */
  readonly body: string | Readable;
  readonly headers?: Readonly<Record<string, string>>;
  /** Records in the answer: what the trace of a read says. */
  readonly rows?: number;
  /** A body that goes on until somebody ends it: what is measured is the time until it begins. Default false. */
  readonly goesOn?: boolean;
}

/**
 * One address of the service. The server, the access decision and the description are made from it; a route
 * knows nothing of Fastify.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Parameters as `:name`. */
  readonly path: string;
  /** What the caller must be allowed to do; `public` is open to anybody. There is no default. */
  readonly access: Verb | 'public';
  /**
   * For a route that reads without being a GET: its trace is left when that can be done, and the read is counted otherwise,
   * because it has to work while the database is away. Every GET that asks who calls leaves one before it is answered.
   */
  readonly readsWithoutDatabase?: boolean;
  /**
   * Whether the platform asks it, by whatever address it knows: no `Host` is refused. It answers nothing of records.
   * Default false.
   */
  readonly probe?: boolean;
  /** Origins whose pages may call it from a browser. Default: none. */
  readonly origins?: readonly string[];
  readonly describe: RouteDescription;
  /**
   * Name of the cookie that has the token where no `Authorization` header comes. Only for routes that change nothing, because a
   * browser sends it by itself. Default: none is taken.
   */
  readonly cookie?: string;
  /** How what kept it from an answer is shown. Default: as `application/problem+json`. */
  readonly showProblem?: (problem: Problem, request: ProblemContext) => Answer;
  /** Answers, or throws a Problem. Any other error is answered as a defect of ours (500). */
  answer(request: ApiRequest): Answer | Promise<Answer>;
}

/** The request that a problem ended. */
export interface ProblemContext {
  readonly id: string;
  /** Path and query, as they came. */
  readonly url: string;
}

/** What the OpenAPI description says about a route beyond what follows from it. */
interface RouteDescription {
  /** One line, in the description and on the page to try. */
  readonly summary: string;
  /** Group of routes on that page. */
  readonly tag: string;
  readonly query?: readonly QueryDescription[];
  /** What JSON Schema says of the parameters of the query together, such as that one of two is required. */
  readonly together?: JsonObject;
  /** Schemas of the parameters of the path, by name. Default: any text. */
  readonly path?: Readonly<Record<string, JsonObject>>;
  /** Absent: the route reads none. */
  readonly body?: ContentDescription;
  /** Successful answers, by status. */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Beside those that every route may answer. */
  readonly problems?: readonly ProblemType[];
}

/** One parameter of the query, with what is taken. */
export interface QueryDescription {
  readonly name: string;
  readonly meaning: string;
  readonly schema: JsonObject;
}

export interface AnswerDescription extends ContentDescription {
  readonly meaning: string;
}

export interface ContentDescription {
  /** By media type. */
  readonly content: Readonly<Record<string, MediaDescription>>;
}

interface MediaDescription {
  readonly schema: JsonObject;
  /** A value that is accepted as it stands; the page to try offers it. */
  readonly example?: unknown;
}

/** Whether the route is answered only when its trace is stored. */
export function isTraced({ method, access }: Pick<Route, 'method' | 'access'>): boolean {
  return method === 'GET' && access !== 'public';
}

export const JSON_MEDIA_TYPE = 'application/json';
export const NDJSON_MEDIA_TYPE = 'application/x-ndjson';
export const CSV_MEDIA_TYPE = 'text/csv';

/** 200 with a body that has no numbers of records in it. `rows` is what the trace says; see `Answer`. */
export function jsonAnswer(body: unknown, rows?: number): Answer {
  return jsonTextAnswer(JSON.stringify(body), rows);
}

/** For bodies that were written as text, so that no digit passes through JavaScript. */
export function jsonTextAnswer(body: string, rows?: number): Answer {
  return { status: 200, mediaType: JSON_MEDIA_TYPE, body, ...(rows === undefined ? {} : { rows }) };
}

/** Parameters as the server decodes them: text, or a list where one was given twice. */
export type Query = Readonly<Record<string, unknown>>;

/** Refuses parameters that an address does not have. */
export function allowOnly(query: Query, names: readonly string[]): void {
  const unknown = Object.keys(query).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
  throw invalidParameter(unknown, `is not a parameter of this address; ${known}`);
}
