import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { Agent, fetch } from 'undici';
import { parse } from 'yaml';

import type { ClusterAddress } from '../../dev/simulator/cluster-client.ts';
import { until } from '../support/until.ts';

/** As much of a resource, a list or a Status as the suite looks at. */
export interface Resource {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name?: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    deletionGracePeriodSeconds?: number;
    finalizers?: string[];
    managedFields?: {
      manager?: string;
      operation?: string;
      subresource?: string;
      fieldsV1?: Record<string, unknown>;
    }[];
    labels?: Record<string, string>;
    continue?: string;
    remainingItemCount?: number;
  };
  spec?: unknown;
  status?: unknown;
  items?: Resource[];
  code?: number;
  reason?: string;
  message?: string;
  details?: Record<string, unknown>;
  [field: string]: unknown;
}

export interface Answer {
  status: number;
  contentType: string;
  text: string;
  /** The text as JSON; throws when it is none. */
  readonly body: Resource;
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: Resource;
}

export interface RequestOptions {
  body?: unknown;
  contentType?: string;
  accept?: string;
  /** `null` sends none. */
  token?: string | null;
}

const DEADLINE_MS = 30_000;
const RETRY_MS = 200;
const TOO_MANY_REQUESTS = 429;

/** One request after another, nothing retried, nothing hidden. */
export class ConformanceClient {
  #address: ClusterAddress | undefined;
  #agent = new Agent();

  connect(address: ClusterAddress): void {
    this.#address = address;
    this.#agent = new Agent({ connect: address.ca === undefined ? {} : { ca: address.ca } });
  }

  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const response = await this.#fetch(method, path, options);
    const text = await response.text();
    return {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      text,
      get body() {
        return JSON.parse(text) as Resource;
      },
    };
  }

  get = (path: string): Promise<Answer> => this.request('GET', path);
  post = (path: string, body: unknown): Promise<Answer> => this.request('POST', path, { body });
  put = (path: string, body: unknown): Promise<Answer> => this.request('PUT', path, { body });
  delete = (path: string, body?: unknown): Promise<Answer> =>
    this.request('DELETE', path, body === undefined ? {} : { body });
  patch = (path: string, body: unknown): Promise<Answer> =>
    this.request('PATCH', path, { body, contentType: 'application/merge-patch+json' });

  /** Server-side apply. */
  apply = (path: string, body: unknown, manager: string): Promise<Answer> =>
    this.request('PATCH', `${path}?fieldManager=${manager}`, {
      body,
      contentType: 'application/apply-patch+yaml',
    });

  /** Opens a watch: resolves when the server has begun to answer. */
  async watch(path: string, query: Record<string, string>): Promise<Watch> {
    const parameters = new URLSearchParams({ watch: 'true', timeoutSeconds: '20', ...query });
    const giveUpAt = Date.now() + DEADLINE_MS;
    for (;;) {
      const end = new AbortController();
      const response = await this.#fetch('GET', `${path}?${parameters.toString()}`, {}, end.signal);
      // A server that has just started asks for patience until its caches are filled.
      if (response.status !== TOO_MANY_REQUESTS || Date.now() > giveUpAt) {
        return new Watch(response.status, response.body as AsyncIterable<Uint8Array>, end);
      }
      await response.text();
      await delay(RETRY_MS);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #fetch(
    method: string,
    path: string,
    options: RequestOptions,
    signal?: AbortSignal,
  ): ReturnType<typeof fetch> {
    if (!this.#address) throw new Error('no server was started for the suite');
    const { body, token = this.#address.token, contentType = 'application/json', accept } = options;
    return fetch(new URL(path, this.#address.url), {
      method,
      dispatcher: this.#agent,
      signal: signal ?? AbortSignal.timeout(DEADLINE_MS),
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': contentType }),
        ...(accept === undefined ? {} : { accept }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }
}

/** The lines of one watch as they arrive. */
export class Watch implements AsyncDisposable {
  readonly status: number;
  readonly events: WatchEvent[] = [];
  /** True once the server has ended the stream cleanly. */
  ended = false;
  readonly #end: AbortController;
  readonly #reading: Promise<void>;
  #failure: Error | undefined;

  constructor(status: number, stream: AsyncIterable<Uint8Array>, end: AbortController) {
    this.status = status;
    this.#end = end;
    this.#reading = this.#read(stream);
  }

  /** Waits until the events satisfy the condition. */
  async until(condition: (events: readonly WatchEvent[]) => boolean): Promise<readonly WatchEvent[]> {
    await until(
      () => this.#failure !== undefined || condition(this.events),
      describe(this.events),
      DEADLINE_MS,
    );
    if (this.#failure) throw this.#failure;
    return this.events;
  }

  /** Waits until the server has ended the stream. */
  async untilEnd(): Promise<readonly WatchEvent[]> {
    return this.until(() => this.ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#reading;
  }

  async #read(stream: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    try {
      for await (const chunk of stream) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.#take(line);
      }
      this.ended = true;
    } catch (error: unknown) {
      if (!this.#end.signal.aborted) this.#failure = error as Error;
    }
  }

  /** A refusal is pretty-printed over many lines; of that only the status is of interest. */
  #take(line: string): void {
    if (this.status === 200 && line !== '') this.events.push(JSON.parse(line) as WatchEvent);
  }
}

const describe = (events: readonly WatchEvent[]) => (): string =>
  `the watch has what is waited for; it has ${JSON.stringify(events.map(({ type, object }) => [type, object.metadata.name]))}`;

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const CONFLICT = 409;
const CREATED = 201;

/** The definitions that `deploy/crds-for-tests/` holds. */
export async function readDefinitions(): Promise<Resource[]> {
  const folder = new URL('../../deploy/crds-for-tests/', import.meta.url);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml'));
  return Promise.all(
    files.sort().map(async (file) => parse(await readFile(new URL(file, folder), 'utf8')) as Resource),
  );
}

/** Installs a definition and waits until its kind is served, as a real server needs a moment for it. */
export async function installDefinition(client: ConformanceClient, definition: Resource): Promise<void> {
  const { status, text } = await client.post(DEFINITIONS, definition);
  if (status !== CREATED && status !== CONFLICT) throw new Error(`definition refused: ${text}`);
  const { group, names, versions } = definition.spec as {
    group: string;
    names: { plural: string };
    versions: { name: string }[];
  };
  const path = `/apis/${group}/${versions[0]?.name ?? ''}/${names.plural}`;
  await until(async () => (await client.get(path)).status === 200, `${path} is served`, DEADLINE_MS);
}
