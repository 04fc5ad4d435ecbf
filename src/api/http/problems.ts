/**
 * Every error of the service: its stable type, status and title. One row each, documented in docs/api.md.
 * Clients decide by the type, so it stays what it is once it was published.
 */
export const PROBLEMS = {
  'malformed-request': { status: 400, title: 'The request is not valid HTTP' },
  'malformed-body': { status: 400, title: 'The body cannot be read as what it claims to be' },
  'invalid-parameter': { status: 400, title: 'A parameter of the request is not allowed' },
  unauthenticated: { status: 401, title: 'Who is calling is not known' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  'foreign-page': { status: 403, title: 'A page of another origin may not call this service' },
  'not-found': { status: 404, title: 'There is nothing at this address' },
  'method-not-allowed': { status: 405, title: 'This address does not take this method' },
  'not-acceptable': { status: 406, title: 'None of the accepted media types can be answered' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  conflict: { status: 409, title: 'The request conflicts with what was done before' },
  'body-too-large': { status: 413, title: 'The body is larger than is allowed' },
  'batch-too-large': { status: 413, title: 'The batch has more records than are allowed' },
  'payloads-too-large': { status: 413, title: 'The payloads of Temporal are more than are coded at once' },
  'report-too-large': { status: 413, title: 'The answer would be larger than is allowed' },
  'unsupported-media-type': { status: 415, title: 'The body has a media type that is not taken here' },
  'unknown-host': { status: 421, title: 'The host of the request is none of this service' },
  'invalid-record': { status: 422, title: 'A field of the record is not allowed' },
  'undecodable-payload': { status: 422, title: 'A payload of Temporal cannot be decoded' },
  'unstorable-record': { status: 422, title: 'The database can never take this record' },
  'unpreparable-record': { status: 422, title: 'The service failed on this record and will again' },
  'queue-full': { status: 429, title: 'Too much is waiting to be stored; try again' },
  'too-many-requests': { status: 429, title: 'This caller asks for it too often; try again' },
  'headers-too-large': { status: 431, title: 'The headers are larger than is allowed' },
  'internal-error': {
    status: 500,
    title: 'The service made a mistake; the log has it under this request id',
  },
  'not-configured': { status: 501, title: 'This service is not configured for this request' },
  'database-unavailable': { status: 503, title: 'The database does not answer; try again' },
  'storage-unavailable': { status: 503, title: 'Neither the database nor Temporal answers; try again' },
  'archive-busy': { status: 503, title: 'Too many archive queries are running; try again' },
  'archive-damaged': {
    status: 503,
    title: 'A part of the archive is not what was written; restore it from a copy',
  },
  'archive-unavailable': { status: 503, title: 'The archive does not answer; try again' },
  'events-busy': { status: 503, title: 'Too many streams of events are open; try again' },
  'codec-busy': { status: 503, title: 'Other payloads of Temporal are being coded; try again' },
  'temporal-unavailable': { status: 503, title: 'Temporal does not answer; try again' },
  'reports-busy': { status: 503, title: 'Too many reports are running; try again' },
  'query-too-slow': { status: 503, title: 'The question took too long; narrow it' },
  'authority-unavailable': { status: 503, title: 'Who is calling cannot be found out now; try again' },
  'model-unavailable': { status: 503, title: 'The embedding model does not answer; try again' },
  'shutting-down': { status: 503, title: 'This process is ending; ask another' },
} as const;

/** Name of a problem, without the prefix of its URN. */
export type ProblemType = keyof typeof PROBLEMS;

/** One field or parameter at fault. Neither member quotes the text that stands there: it may be a secret. */
export interface FieldError {
  /** JSON pointer, or the name of a parameter with a leading `?`. */
  readonly pointer: string;
  /** What is wrong or what would be allowed, to be read after the pointer: `must be …`. */
  readonly detail: string;
}

/** What a problem may carry besides its type and detail. */
interface ProblemOptions {
  /** Faults of single fields or parameters; in the answer. */
  readonly errors?: readonly FieldError[];
  /** Headers of the answer, such as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Who was refused, where that is known; for the log and the audit of reads. */
  readonly caller?: string;
  /** For the log alone; never in the answer. */
  readonly cause?: unknown;
}

/**
 * An error with an answer. Routes throw it; the server answers it as `application/problem+json` (RFC 9457).
 * The detail is sent as it is: it says what to do and holds nothing of the inside.
 */
export class Problem extends Error {
  readonly type: ProblemType;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;
  readonly caller: string | undefined;

  constructor(type: ProblemType, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause });
    this.name = 'Problem';
    this.type = type;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
    this.caller = options.caller;
  }

  get status(): number {
    return PROBLEMS[this.type].status;
  }
}

/** For what passes by itself: the header that says after how many seconds the client should come again. */
export function retryAfter(seconds: number): Pick<ProblemOptions, 'headers'> {
  return { headers: { 'retry-after': String(seconds) } };
}

/**
 * One parameter of the query or the path at fault (400). `detail` follows its name in a sentence: `must be
 * …`.
 */
export function invalidParameter(name: string, detail: string): Problem {
  return new Problem('invalid-parameter', `${name} ${detail}`, { errors: [{ pointer: `?${name}`, detail }] });
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** A problem as it is written: RFC 9457, and `errors` as an extension of it. */
interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly errors?: readonly FieldError[];
}

/** The `type` of a problem. A URN and no address: nothing has to be served for it. */
export function problemUrn(type: ProblemType): string {
  return `urn:remediation-audit:problem:${type}`;
}

/** What is sent of a problem. `instance` is the request's id, under which the log has the cause. */
export function problemBody(problem: Problem, requestId: string): ProblemBody {
  const { status, title } = PROBLEMS[problem.type];
  return {
    type: problemUrn(problem.type),
    title,
    status,
    detail: problem.message,
    instance: `urn:remediation-audit:request:${requestId}`,
    ...(problem.errors.length > 0 ? { errors: problem.errors } : {}),
  };
}
