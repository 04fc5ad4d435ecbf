import { Buffer } from 'node:buffer';
import { Readable } from 'node:stream';

import { named } from '../../domain/named-schema.ts';
import type { CodecEndpoint, CodedPayloads } from '../../temporal/codec-endpoint.ts';
import {
  BASE64,
  CodecBodyError,
  CodecBusyError,
  createCodecEndpoint,
  MAX_PAYLOADS,
  UndecodablePayloadError,
  UnknownOwnerError,
} from '../../temporal/codec-endpoint.ts';
import {
  createPayloadCodec,
  isCoded,
  type PayloadOptions,
  type PayloadOwner,
  PayloadsTooLargeError,
} from '../../temporal/payload-codec.ts';
import type { Verb } from '../auth/gate.ts';
import { readJsonBody } from '../http/json-body.ts';
import { Problem, retryAfter } from '../http/problems.ts';
import type { ApiRequest, Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE } from '../http/route.ts';

export interface PayloadCodecAccess {
  readonly endpoint: CodecEndpoint;
  /** Origins of the Temporal UIs that may call it from a browser. */
  readonly origins: readonly string[];
}

/** None where nothing is compressed or encrypted: then there is nothing to decode, and nothing that could be asked for. */
export function openCodec(
  payloads: PayloadOptions,
  origins: readonly string[],
): PayloadCodecAccess | undefined {
  if (!isCoded(payloads)) return undefined;
  // What is not encrypted is shown as it is: to refuse it is the business of whoever acts on it.
  const codec = createPayloadCodec({ ...payloads, requireEncryption: false });
  return { endpoint: createCodecEndpoint(codec), origins };
}

/**
 * What Temporal's UI and command line call to show payloads that are compressed or encrypted. Decoding works while the
 * database is away, when workflows are looked at most: its trace is then in the log, and noted when the database answers.
 */
export function codecRoutes({ endpoint, origins }: PayloadCodecAccess): readonly Route[] {
  return [
    codecRoute(origins, {
      path: '/codec/decode',
      access: 'get',
      summary: 'Decodes payloads of Temporal, for its UI and command line',
      isRead: true,
      work: (body, signal, owner) => endpoint.decode(body, signal, owner),
    }),
    codecRoute(origins, {
      path: '/codec/encode',
      // What this product's keys encrypted counts as written by it.
      access: 'create',
      summary: 'Encodes payloads for Temporal, such as the arguments of an update',
      work: (body, signal, owner) => endpoint.encode(body, signal, owner),
    }),
  ];
}

interface Coding {
  readonly path: string;
  readonly access: Verb;
  readonly summary: string;
  /** Default false. */
  readonly isRead?: boolean;
  readonly work: (body: unknown, signal: AbortSignal, owner: PayloadOwner) => Promise<CodedPayloads>;
}

function codecRoute(origins: readonly string[], coding: Coding): Route {
  const { path, access, summary, work, isRead = false } = coding;
  return {
    method: 'POST',
    path,
    access,
    readsWithoutDatabase: isRead,
    origins,
    describe: {
      summary,
      tag: 'temporal',
      body: { content: { [JSON_MEDIA_TYPE]: { schema: BODY_SCHEMA, example: EXAMPLE } } },
      answers: {
        200: {
          meaning: 'The payloads, in their order',
          content: { [JSON_MEDIA_TYPE]: { schema: BODY_SCHEMA } },
        },
      },
      problems: [
        'malformed-body',
        'body-too-large',
        'payloads-too-large',
        'undecodable-payload',
        'codec-busy',
      ],
    },
    answer: async (request) => {
      const { signal } = request;
      const coded = await code(request, signal, work);
      const { count: payloads } = coded;
      request.log.info({ caller: request.caller.name, path, payloads }, 'payloads of Temporal were coded');
      return { status: 200, mediaType: JSON_MEDIA_TYPE, body: bodyOf(coded, signal), rows: payloads };
    },
  };
}

/** Others wait until an answer is sent: a client that takes longer over it is cut off. */
const LONGEST_ANSWER_MS = 30_000;

/** Releases the endpoint once, when the answer was sent or its connection is closed. */
function bodyOf({ text, release }: CodedPayloads, signal: AbortSignal): Readable {
  const body = Readable.from(text);
  const destroy = (): void => {
    body.destroy();
  };
  const late = setTimeout(destroy, LONGEST_ANSWER_MS);
  body.once('close', () => {
    clearTimeout(late);
    signal.removeEventListener('abort', destroy);
    release();
  });
  // Sent to nobody, the body would never be read and never close.
  if (signal.aborted) destroy();
  else signal.addEventListener('abort', destroy, { once: true });
  return body;
}

/**
 * What is wrong with the body or a payload becomes a problem. The errors of the codec say what, and hold no
 * payload.
 */
async function code(request: ApiRequest, signal: AbortSignal, work: Coding['work']): Promise<CodedPayloads> {
  try {
    return await work(readJsonBody(request), signal, ownerOf(request));
  } catch (error: unknown) {
    if (error instanceof CodecBodyError || error instanceof UnknownOwnerError)
      throw new Problem('malformed-body', error.message);
    if (error instanceof PayloadsTooLargeError) throw new Problem('payloads-too-large', error.message);
    // Where the caller has gone nobody reads the answer; the log should not call it a mistake of ours.
    if (error instanceof CodecBusyError || signal.aborted) throw busy(error);
    if (error instanceof UndecodablePayloadError) throw new Problem('undecodable-payload', error.message);
    throw error;
  }
}

/** Temporal's UI and command line name the namespace; the workflow is named by whoever uses the command line. */
function ownerOf({ header }: ApiRequest): PayloadOwner {
  const [namespace, workflowId] = [header('x-namespace'), header('x-workflow-id')];
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(workflowId === undefined ? {} : { workflowId }),
  };
}

function busy(cause: unknown): Problem {
  return new Problem('codec-busy', 'other payloads are being coded; send these again', {
    ...retryAfter(1),
    cause,
  });
}

const base64 = { type: 'string', contentEncoding: 'base64', pattern: BASE64.source };

const BODY_SCHEMA = named('Payloads', {
  type: 'object',
  required: ['payloads'],
  properties: {
    payloads: {
      type: 'array',
      maxItems: MAX_PAYLOADS,
      items: named('Payload', {
        type: 'object',
        properties: { metadata: { type: 'object', additionalProperties: base64 }, data: base64 },
      }),
    },
  },
});

const EXAMPLE = {
  payloads: [
    {
      metadata: { encoding: Buffer.from('json/plain').toString('base64') },
      data: Buffer.from('"HighErrorRate"').toString('base64'),
    },
  ],
};
