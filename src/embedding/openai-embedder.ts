import { setTimeout as delay } from 'node:timers/promises';

import type { JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { backoffMs } from '../domain/time.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { Embedder } from './embedder.ts';
import { DEFAULT_DIMENSIONS, EmbeddingRefusedError, EmbeddingUnavailableError } from './embedder.ts';

export interface OpenAiEmbedderOptions {
  /** Up to and including the version, `https://api.openai.com/v1`; any endpoint with the same protocol. */
  readonly baseUrl: string;
  readonly model: string;
  /** Takes secrets out of what is sent, and of what the endpoint says in its errors. */
  readonly redactor: Pick<Redactor, 'redactText'>;
  /** Sent as bearer token. Default: none, for endpoints of one's own. */
  readonly apiKey?: string | undefined;
  /** Expected length of a vector; another one is an error. Default 1536. */
  readonly dimensions?: number;
  /** Also ask for that length, for models whose vectors can be shortened. Default false. */
  readonly requestDimensions?: boolean;
  /** Per request, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
  /** Requests for one batch in all, the first included. Default 4. */
  readonly attempts?: number;
  /** Texts per request. Default 64. */
  readonly batchSize?: number;
  /** Longer texts are cut: models refuse more than they can read, about 8,000 tokens. In characters, default 20,000. */
  readonly maxTextLength?: number;
  /** First pause before asking again, doubled each time, in milliseconds. Default 500. */
  readonly firstDelayMs?: number;
  /** Longest pause, also when the endpoint asks for more, in milliseconds. Default 30,000. */
  readonly maxDelayMs?: number;
  /** How a pause is made; a test makes none. */
  readonly pause?: (delayMs: number) => Promise<unknown>;
}

type Settings = Required<Omit<OpenAiEmbedderOptions, 'apiKey'>> & { readonly apiKey: string | undefined };

const TOO_MANY_REQUESTS = 429;
const REQUEST_TIMEOUT = 408;
const LONGEST_EXCERPT = 300;

/** Asks an endpoint that speaks the embeddings protocol of OpenAI: `POST {baseUrl}/embeddings`. */
export function createOpenAiEmbedder(options: OpenAiEmbedderOptions): Embedder {
  const settings = withDefaults(options);
  return {
    model: settings.model,
    dimensions: settings.dimensions,
    async embed(texts) {
      const vectors: number[][] = [];
      for (let start = 0; start < texts.length; start += settings.batchSize) {
        vectors.push(...(await embedBatch(settings, texts.slice(start, start + settings.batchSize))));
      }
      return vectors;
    },
  };
}

function withDefaults(options: OpenAiEmbedderOptions): Settings {
  const { protocol } = new URL(options.baseUrl);
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new TypeError(`the embedding endpoint must be an http or https URL, not ${protocol}`);
  }
  return {
    dimensions: DEFAULT_DIMENSIONS,
    requestDimensions: false,
    timeoutMs: 30_000,
    attempts: 4,
    batchSize: 64,
    maxTextLength: 20_000,
    firstDelayMs: 500,
    maxDelayMs: 30_000,
    pause: (delayMs) => delay(delayMs),
    ...options,
    apiKey: options.apiKey,
    baseUrl: options.baseUrl.replace(/\/+$/, ''),
  };
}

async function embedBatch(settings: Settings, texts: readonly string[]): Promise<number[][]> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await request(settings, texts);
    if ('vectors' in outcome) return outcome.vectors;
    if (outcome.error instanceof EmbeddingRefusedError || attempt >= settings.attempts) throw outcome.error;
    await settings.pause(pauseBefore(settings, attempt, outcome.retryAfterMs));
  }
}

/** What the endpoint asks for, else a pause that doubles. */
function pauseBefore(
  { firstDelayMs, maxDelayMs }: Settings,
  attempt: number,
  retryAfterMs: number | undefined,
): number {
  const pace = { firstMs: firstDelayMs, longestMs: maxDelayMs, random: Math.random };
  return Math.min(maxDelayMs, retryAfterMs ?? backoffMs(pace, attempt));
}

interface Failure {
  readonly error: EmbeddingRefusedError | EmbeddingUnavailableError;
  readonly retryAfterMs?: number | undefined;
}

async function request(
  settings: Settings,
  texts: readonly string[],
): Promise<{ vectors: number[][] } | Failure> {
  const what = `cannot embed ${texts.length} texts with ${settings.model} at ${endpointOf(settings.baseUrl)}`;
  let status: number | undefined;
  try {
    const response = await post(settings, texts);
    status = response.status;
    const body = await response.text();
    if (!response.ok) return failureOf(response, `${what}: ${excerpt(settings, body)}`);
    return { vectors: vectorsOf(body, texts.length, settings.dimensions) };
  } catch (error: unknown) {
    const reason = excerpt(settings, reasonOf(error, settings.timeoutMs));
    if (error instanceof EmbeddingRefusedError)
      return { error: new EmbeddingRefusedError(`${what}: ${reason}`, status) };
    const remedy = 'see that the endpoint is up and can be reached from here';
    // No cause: the error of the client may hold the request, and the request holds the key.
    return { error: new EmbeddingUnavailableError(`${what}: ${reason}; ${remedy}`, status) };
  }
}

function post(settings: Settings, texts: readonly string[]): Promise<Response> {
  return fetch(`${settings.baseUrl}/embeddings`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(settings.apiKey === undefined ? {} : { authorization: `Bearer ${settings.apiKey}` }),
    },
    body: JSON.stringify({
      model: settings.model,
      input: texts.map((text) => readable(text, settings)),
      encoding_format: 'float',
      ...(settings.requestDimensions ? { dimensions: settings.dimensions } : {}),
    }),
    // A redirect would carry the key to wherever it leads.
    redirect: 'error',
    signal: AbortSignal.timeout(settings.timeoutMs),
  });
}

/**
 * Without secrets: what somebody searches for was not redacted before, as a stored investigation was. Endpoints refuse the
 * empty text, and half a character at the end of a cut one.
 */
function readable(text: string, { redactor, maxTextLength }: Settings): string {
  // Cut afterwards: half a secret is not recognised.
  return redactor.redactText(text).value.slice(0, maxTextLength).toWellFormed() || ' ';
}

function failureOf(response: Response, what: string): Failure {
  const { status } = response;
  const message = `${what} (HTTP ${status}); ${remedyFor(status)}`;
  if (status === TOO_MANY_REQUESTS || status === REQUEST_TIMEOUT || status >= 500) {
    const retryAfterMs = retryAfter(response.headers.get('retry-after'));
    return { error: new EmbeddingUnavailableError(message, status), retryAfterMs };
  }
  return { error: new EmbeddingRefusedError(message, status) };
}

function remedyFor(status: number): string {
  if (status === 401 || status === 403) return 'check the API key of the embedding endpoint';
  if (status === 404) return 'check the base URL and the name of the model';
  if (status === TOO_MANY_REQUESTS) return 'lower the rate or raise the quota of the endpoint';
  return status >= 500 ? 'the endpoint is in trouble, look at its logs' : 'check the model and its limits';
}

/** Seconds or a date, as RFC 9110 has it. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const milliseconds = /^\d+(?:\.\d+)?$/.test(header)
    ? Number(header) * 1_000
    : Date.parse(header) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

/** Endpoints repeat in their errors what they were sent, the key for one. */
function excerpt({ apiKey, redactor }: Settings, text: string): string {
  const withoutKey =
    apiKey === undefined || apiKey === '' ? text : text.replaceAll(apiKey, '[REDACTED:api-key]');
  const line = redactor.redactText(withoutKey).value.replaceAll(/\s+/g, ' ').trim();
  return line.length > LONGEST_EXCERPT ? `${line.slice(0, LONGEST_EXCERPT)}…` : line || 'no explanation';
}

/** Without user, password and query of a URL. */
function endpointOf(baseUrl: string): string {
  const { origin, pathname } = new URL(baseUrl);
  return origin + pathname;
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}

/** The vectors of an answer in the order of the texts, which the protocol gives by index and not by position. */
function vectorsOf(body: string, count: number, dimensions: number): number[][] {
  const data = readJson(body)['data'];
  if (!Array.isArray(data)) throw wrong('the answer has no list of vectors');
  if (data.length !== count) throw wrong(`the answer has ${data.length} vectors for ${count} texts`);
  const vectors = new Map<number, number[]>();
  data.forEach((item, position) => {
    const index = isJsonObject(item) && typeof item['index'] === 'number' ? item['index'] : position;
    vectors.set(index, vectorOf(isJsonObject(item) ? item['embedding'] : undefined, dimensions));
  });
  return Array.from({ length: count }, (_, index) => {
    const vector = vectors.get(index);
    if (vector === undefined) throw wrong(`the answer has no vector for text ${index}`);
    return vector;
  });
}

function readJson(body: string): Record<string, JsonValue> {
  let value: JsonValue;
  try {
    value = JSON.parse(body) as JsonValue;
  } catch {
    throw wrong('the answer is not JSON; check that the base URL is that of an embeddings endpoint');
  }
  return isJsonObject(value) ? value : {};
}

function vectorOf(value: JsonValue | undefined, dimensions: number): number[] {
  if (!Array.isArray(value) || !value.every((number) => typeof number === 'number')) {
    throw wrong('the answer has a vector that is not a list of numbers');
  }
  if (value.length !== dimensions) {
    throw wrong(
      `its vectors have ${value.length} dimensions and not ${dimensions}; configure the dimensions of the model or choose another`,
    );
  }
  return value;
}

function wrong(reason: string): EmbeddingRefusedError {
  return new EmbeddingRefusedError(reason, undefined);
}
