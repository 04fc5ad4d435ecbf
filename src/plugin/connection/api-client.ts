import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';

import { Agent, request } from 'undici';

import { SettingsError } from '../../config/settings.ts';
import { reasonOf } from '../../domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../domain/json.ts';

/** An answer that is none, or a refusal. The message ends with what to do. */
export class ApiError extends Error {
  /** Undefined where nobody answered. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ApiError';
    this.status = status;
  }
}

interface ApiAddress {
  readonly server: string;
  readonly token: string | undefined;
  /** Who the token is, for errors. */
  readonly identity: string;
  /** File with certificates that are trusted beside those of the system. */
  readonly certificateAuthority: string | undefined;
  /** Name in the certificate, where it is not that of the address. */
  readonly serverName?: string | undefined;
  /** Why nobody answers, where something between knows it better than the connection that ended. */
  readonly trouble?: (() => string | undefined) | undefined;
  readonly timeoutMs: number;
}

export type QueryValues = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface ApiClient extends AsyncDisposable {
  /** The JSON of a GET, every digit as it was answered. Throws an ApiError for everything but a 200. */
  get(path: string, query?: QueryValues): Promise<JsonObject>;
}

/** Asks one service, and never follows it elsewhere: a redirect could carry the token to a stranger. */
export function createApiClient(address: ApiAddress): ApiClient {
  const agent = new Agent({
    headersTimeout: address.timeoutMs,
    bodyTimeout: address.timeoutMs,
    connect: {
      ...(address.server.startsWith('https:') ? trustOf(address.certificateAuthority) : {}),
      ...(address.serverName === undefined ? {} : { servername: address.serverName }),
    },
  });
  return {
    async get(path, query = {}) {
      const url = urlOf(address.server, path, query);
      const { status, text } = await ask(url, address, agent);
      if (status === 200) return readObject(text, url);
      throw refusal({ status, text, url }, address);
    },
    async [Symbol.asyncDispose]() {
      await agent.close();
    },
  };
}

/** An address may have a path before that of the API, as behind an ingress. */
function urlOf(server: string, path: string, query: QueryValues): URL {
  const url = new URL(`${server.replace(/\/+$/, '')}${path}`);
  for (const [name, value] of Object.entries(query))
    for (const one of typeof value === 'string' ? [value] : (value ?? [])) url.searchParams.append(name, one);
  return url;
}

async function ask(url: URL, { token, timeoutMs, trouble }: ApiAddress, dispatcher: Agent) {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    const answer = await request(url, {
      dispatcher,
      headers: { accept: 'application/json, application/problem+json', ...authorization },
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  } catch (error: unknown) {
    const message = trouble?.() ?? `cannot reach ${url.origin}: ${reasonOf(error)}; ${remedyOf(error)}`;
    throw new ApiError(message, undefined, { cause: error });
  }
}

/** What Node says of certificates that it does not trust, or that are another's. */
const OF_CERTIFICATES = /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/;

function remedyOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (OF_CERTIFICATES.test(code))
    return 'name the file with the authority of its certificate with --certificate-authority';
  return 'check --server (REMEDIATION_AUDIT_SERVER) and that the service runs';
}

interface Refused {
  readonly status: number;
  readonly text: string;
  readonly url: URL;
}

function refusal({ status, text, url }: Refused, { identity }: ApiAddress): ApiError {
  const detail = problemIn(text) ?? `status ${status}`;
  if (status === 401)
    return new ApiError(
      `${url.origin} does not accept the token of ${identity}: ${detail}; ${RENEW}`,
      status,
    );
  if (status === 403) return new ApiError(`${identity} may not read here: ${detail}; ${GRANT}`, status);
  if (problemIn(text) === undefined)
    return new ApiError(`${url.origin} answered ${url.pathname} with ${detail}; ${OTHER}`, status);
  return new ApiError(
    status >= 500 ? `${detail}; try again, or ask who operates the service` : detail,
    status,
  );
}

const RENEW =
  'log in again, or make one with `kubectl create token SERVICE_ACCOUNT -n NAMESPACE > token` and name it with --token-file token';
const GRANT =
  'whoever administers the cluster grants verbs get and list on resource audits of API group remediation-audit (docs/kubectl-plugin.md)';
const OTHER = 'check that --server (REMEDIATION_AUDIT_SERVER) is the address of remediation-audit';

/** The sentence of a problem (RFC 9457); undefined where the answer is none. */
function problemIn(text: string): string | undefined {
  const problem = tryParse(text);
  if (!isJsonObject(problem)) return undefined;
  return [problem['detail'], problem['title']].find((part) => typeof part === 'string');
}

function readObject(text: string, url: URL): JsonObject {
  const value = tryParse(text);
  if (isJsonObject(value)) return value;
  throw new ApiError(`${url.origin} answered ${url.pathname} with something else than JSON; ${OTHER}`);
}

function tryParse(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    // Not JSON: the page of a proxy, or of another program. The caller says so.
    return undefined;
  }
}

/** Authorities of the system, those that Node has, and that of the file. */
function trustOf(file: string | undefined): { readonly ca: string[] } {
  const known = [...getCACertificates('default'), ...getCACertificates('system')];
  if (file === undefined) return { ca: known };
  try {
    return { ca: [...known, readFileSync(file, 'utf8')] };
  } catch (error: unknown) {
    throw new SettingsError([
      `cannot read the certificate authority ${file}: ${reasonOf(error)}; name a readable PEM file with --certificate-authority`,
    ]);
  }
}
