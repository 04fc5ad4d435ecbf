/** Every error of the service: its stable type, status and title. One row each, documented in docs/api.md. */
export const PROBLEMS = {
  'not-found': { status: 404, title: 'There is nothing at this address' },
  'invalid-parameter': { status: 400, title: 'A parameter of the request is not allowed' },
  'database-unavailable': { status: 503, title: 'The database does not answer; try again' },
  'internal-error': {
    status: 500,
    title: 'The service made a mistake; the log has it under this request id',
  },
} as const;

export type ProblemType = keyof typeof PROBLEMS;

/** One field or parameter at fault. */
export interface FieldError {
  /** JSON pointer, or the name of a parameter with a leading `?`. */
  readonly pointer: string;
  readonly detail: string;
}

/** Thrown by routes; the server answers it as `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  readonly type: ProblemType;
  readonly errors: readonly FieldError[];

  constructor(
    type: ProblemType,
    detail: string,
    options: { errors?: readonly FieldError[]; cause?: unknown } = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = 'Problem';
    this.type = type;
    this.errors = options.errors ?? [];
  }
}

export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly errors?: readonly FieldError[];
}

export function problemBody(problem: Problem, requestId: string): ProblemBody {
  const { status, title } = PROBLEMS[problem.type];
  return {
    type: `urn:remediation-audit:problem:${problem.type}`,
    title,
    status,
    detail: problem.message,
    instance: `urn:remediation-audit:request:${requestId}`,
    ...(problem.errors.length > 0 ? { errors: problem.errors } : {}),
  };
}
