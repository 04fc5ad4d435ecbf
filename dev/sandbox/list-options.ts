import { ApiError, badRequest, HTTP } from './status.ts';

/** How to read a collection, from the query of a request. */
export interface ListOptions {
  watch: boolean;
  bookmarks: boolean;
  /** Undefined or 0: any version will do. */
  resourceVersion?: number;
  match?: 'Exact' | 'NotOlderThan';
  limit?: number;
  continueToken?: string;
  timeoutSeconds?: number;
  /** The one selector understood besides none: `metadata.name` and `metadata.namespace`. */
  name?: string | undefined;
  namespace?: string | undefined;
}

/** Where the next page begins, and the version whose snapshot it is cut from. */
export interface Continuation {
  version: number;
  /** The key of the last object already sent. */
  after: string;
}

const TOKEN_FORMAT = 'meta.k8s.io/v1';
const UNSIGNED = /^\d+$/;

/** Reads the query. What the sandbox does not understand is refused, never ignored. */
export function parseListOptions(query: URLSearchParams): ListOptions {
  refuseUnsupported(query);
  const options: ListOptions = {
    watch: isTrue(query.get('watch')),
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    ...fieldSelector(query.get('fieldSelector')),
  };
  const version = query.get('resourceVersion') ?? '';
  if (version !== '') options.resourceVersion = parseVersion(version, options.watch);
  const limit = unsigned(query, 'limit');
  if (limit) options.limit = limit;
  const timeoutSeconds = unsigned(query, 'timeoutSeconds');
  if (timeoutSeconds) options.timeoutSeconds = timeoutSeconds;
  const continueToken = query.get('continue') ?? '';
  if (continueToken !== '') options.continueToken = continueToken;
  return withMatch(options, query.get('resourceVersionMatch') ?? '');
}

export const encodeContinuation = ({ version, after }: Continuation): string =>
  Buffer.from(JSON.stringify({ v: TOKEN_FORMAT, rv: version, start: after })).toString('base64url');

export function decodeContinuation(token: string): Continuation {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  let decoded: unknown;
  try {
    decoded = JSON.parse(text);
  } catch (error: unknown) {
    throw badRequest(`invalid continue token: continue key is not valid: ${(error as Error).message}`);
  }
  const { v, rv, start } = (decoded ?? {}) as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== TOKEN_FORMAT || typeof rv !== 'number' || typeof start !== 'string') {
    throw badRequest('invalid continue token: continue key is not valid: incorrect encoded form');
  }
  return { version: rv, after: start };
}

const isTrue = (value: string | null): boolean => value === 'true' || value === '1';

function refuseUnsupported(query: URLSearchParams): void {
  for (const parameter of ['labelSelector', 'dryRun', 'sendInitialEvents', 'shardSelector']) {
    const value = query.get(parameter) ?? '';
    if (value !== '' && value !== 'false') {
      throw badRequest(`the sandbox does not support ${parameter}: leave it out, or use a real API server`);
    }
  }
}

function parseVersion(text: string, watch: boolean): number {
  if (UNSIGNED.test(text)) return Number(text);
  const message = `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`;
  // A watch and a list answer the same mistake differently; so does the API server.
  throw watch
    ? new ApiError(HTTP.internalError, '', message)
    : badRequest(`invalid resource version: ${message}`);
}

function unsigned(query: URLSearchParams, parameter: string): number | undefined {
  const text = query.get(parameter) ?? '';
  if (text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value)) throw badRequest(`${parameter}: "${text}" is not an integer`);
  return Math.max(0, value);
}

function fieldSelector(selector: string | null): Pick<ListOptions, 'name' | 'namespace'> {
  const selected: Pick<ListOptions, 'name' | 'namespace'> = {};
  for (const term of (selector ?? '').split(',').filter((text) => text !== '')) {
    const { field = term, value = '' } = /^(?<field>[^=!]+)==?(?<value>[^=]*)$/.exec(term)?.groups ?? {};
    if (field === 'metadata.name') selected.name = value;
    else if (field === 'metadata.namespace') selected.namespace = value;
    else throw badRequest(`field label not supported: ${field}`);
  }
  return selected;
}

function withMatch(options: ListOptions, match: string): ListOptions {
  if (options.continueToken !== undefined && options.resourceVersion) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  if (match === '') return options;
  if (options.watch) throw forbiddenMatch('resourceVersionMatch is forbidden for watch');
  if (options.resourceVersion === undefined) {
    throw forbiddenMatch('resourceVersionMatch is forbidden unless resourceVersion is provided');
  }
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    throw forbiddenMatch(`resourceVersionMatch ${match} is not one of Exact, NotOlderThan`);
  }
  if (match === 'Exact' && options.resourceVersion === 0) {
    throw forbiddenMatch('resourceVersionMatch Exact is forbidden for resourceVersion 0');
  }
  return { ...options, match };
}

function forbiddenMatch(why: string): ApiError {
  const message = `Forbidden: ${why}`;
  const field = 'resourceVersionMatch';
  return new ApiError(
    HTTP.invalid,
    'Invalid',
    `ListOptions.meta.k8s.io "" is invalid: ${field}: ${message}`,
    {
      group: 'meta.k8s.io',
      kind: 'ListOptions',
      causes: [{ reason: 'FieldValueForbidden', message, field }],
    },
  );
}
