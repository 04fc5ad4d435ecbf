import type { JsonObject } from '../../domain/json.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Caller, Verb } from '../auth/gate.ts';
import type { ProblemType } from './problems.ts';

export interface ApiRequest {
  /** As in the log and in problems. */
  readonly id: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  /** As it came; absent when the request had none. */
  readonly body: Buffer | undefined;
  /** Media type of the body without its parameters, in lower case; empty when none was said. */
  readonly mediaType: string;
  readonly accept: string;
  readonly caller: Caller;
  /** Aborted when the client is gone and nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

export interface Answer {
  readonly status: number;
  readonly mediaType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Records in the answer: what the trace of a read says. */
  readonly rows?: number;
}

/** One address of the service. The server, the access decision and the description are made from it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Parameters as `:name`. */
  readonly path: string;
  /** What the caller must be allowed to do; `public` is open to anybody. There is no default. */
  readonly access: Verb | 'public';
  /** Whether reading it leaves a trace in `audit_access`. Default false. */
  readonly traced?: boolean;
  /** Origins whose pages may call it from a browser. Default: none. */
  readonly origins?: readonly string[];
  readonly describe: RouteDescription;
  answer(request: ApiRequest): Answer | Promise<Answer>;
}

/** What the OpenAPI description says about a route beyond what follows from it. */
interface RouteDescription {
  readonly summary: string;
  readonly tag: string;
  readonly query?: readonly QueryDescription[];
  /** What JSON Schema says of the parameters of the query together, such as that one of two is required. */
  readonly together?: JsonObject;
  readonly path?: Readonly<Record<string, JsonObject>>;
  readonly body?: ContentDescription;
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Beside those that every route may answer. */
  readonly problems?: readonly ProblemType[];
}

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
  readonly example?: unknown;
}

export const JSON_MEDIA_TYPE = 'application/json';
export const NDJSON_MEDIA_TYPE = 'application/x-ndjson';
export const CSV_MEDIA_TYPE = 'text/csv';

export function jsonAnswer(body: unknown, rows?: number): Answer {
  return jsonTextAnswer(JSON.stringify(body), rows);
}

/** For bodies that were written as text, so that no digit passes through JavaScript. */
export function jsonTextAnswer(body: string, rows?: number): Answer {
  return { status: 200, mediaType: JSON_MEDIA_TYPE, body, ...(rows === undefined ? {} : { rows }) };
}
