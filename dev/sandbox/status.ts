import type { Kind } from './kinds.ts';
import { groupResource } from './kinds.ts';

/** HTTP codes the API server answers with, named as its own `reason` words where it has one. */
export const HTTP = {
  ok: 200,
  created: 201,
  badRequest: 400,
  unauthorized: 401,
  notFound: 404,
  methodNotAllowed: 405,
  notAcceptable: 406,
  conflict: 409,
  gone: 410,
  tooLarge: 413,
  unsupportedMediaType: 415,
  invalid: 422,
  internalError: 500,
  gatewayTimeout: 504,
} as const;

interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: { reason?: string; message?: string; field?: string }[];
  retryAfterSeconds?: number;
}

/** The body of every answer that is not a resource: `kind: Status` of the core group. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, unknown>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  /** Absent on success. */
  code?: number;
}

/** A request refused the way the API server refuses it. */
export class ApiError extends Error {
  readonly code: number;
  readonly status: Status;

  /** @param reason empty for the few answers to which the API server gives none */
  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      ...(reason === '' ? {} : { reason }),
      ...(details ? { details } : {}),
      code,
    };
  }
}

const detailsOf = (kind: Kind, name: string): StatusDetails => ({
  name,
  ...(kind.group ? { group: kind.group } : {}),
  kind: kind.plural,
});

export const badRequest = (message: string): ApiError => new ApiError(HTTP.badRequest, 'BadRequest', message);

export const unauthorized = (): ApiError => new ApiError(HTTP.unauthorized, 'Unauthorized', 'Unauthorized');

export const objectNotFound = (kind: Kind, name: string): ApiError =>
  new ApiError(
    HTTP.notFound,
    'NotFound',
    `${groupResource(kind)} "${name}" not found`,
    detailsOf(kind, name),
  );

export const methodNotAllowed = (kind: Kind, verb: string): ApiError =>
  new ApiError(
    HTTP.methodNotAllowed,
    'MethodNotAllowed',
    `${verb} is not supported on resources of kind "${groupResource(kind)}"`,
    { ...(kind.group ? { group: kind.group } : {}), kind: kind.plural },
  );

export const alreadyExists = (kind: Kind, name: string): ApiError =>
  new ApiError(
    HTTP.conflict,
    'AlreadyExists',
    `${groupResource(kind)} "${name}" already exists`,
    detailsOf(kind, name),
  );

export const conflict = (kind: Kind, name: string, why: string): ApiError =>
  new ApiError(
    HTTP.conflict,
    'Conflict',
    `Operation cannot be fulfilled on ${groupResource(kind)} "${name}": ${why}`,
    detailsOf(kind, name),
  );

export const staleVersion = (kind: Kind, name: string): ApiError =>
  conflict(
    kind,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );

export const expired = (message: string): ApiError => new ApiError(HTTP.gone, 'Expired', message);

export const unsupportedMediaType = (accepted: string): ApiError =>
  new ApiError(
    HTTP.unsupportedMediaType,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
  );

/** One refused field of an object, as the API server words it: `metadata.name: Required value: …`. */
interface FieldProblem {
  field: string;
  /** The machine word of the cause, for example `FieldValueInvalid`. */
  reason: string;
  message: string;
}

export function invalid(kind: Kind, name: string, problem: FieldProblem): ApiError {
  const subject = kind.group ? `${kind.kind}.${kind.group}` : kind.kind;
  return new ApiError(
    HTTP.invalid,
    'Invalid',
    `${subject} "${name}" is invalid: ${problem.field}: ${problem.message}`,
    {
      name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.kind,
      causes: [{ reason: problem.reason, message: problem.message, field: problem.field }],
    },
  );
}

/** The answer to a deletion that took effect at once. */
export const deletionSuccess = (kind: Kind, name: string, uid: string): Status => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  details: { ...detailsOf(kind, name), uid },
});
