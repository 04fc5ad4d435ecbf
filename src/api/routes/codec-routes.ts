import { Buffer } from 'node:buffer';

import { named } from '../../domain/named-schema.ts';
import type { CodecBody, CodecEndpoint } from '../../temporal/codec-endpoint.ts';
import { BASE64, CodecBodyError, UndecodablePayloadError } from '../../temporal/codec-endpoint.ts';
import type { Verb } from '../auth/gate.ts';
import { readJsonBody } from '../http/json-body.ts';
import { Problem } from '../http/problems.ts';
import type { ApiRequest, Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';

export interface PayloadCodecAccess {
  readonly endpoint: CodecEndpoint;
  /** Origins of the Temporal UIs that may call it from a browser. */
  readonly origins: readonly string[];
}

/**
 * What Temporal's UI and command line call to show payloads that are compressed or encrypted. Decoding leaves its trace in
 * the log and not in `audit_access`: a workflow is looked at when the database is away.
 */
export function codecRoutes({ endpoint, origins }: PayloadCodecAccess): readonly Route[] {
  return [
    codecRoute(origins, {
      path: '/codec/decode',
      access: 'get',
      summary: 'Decodes payloads of Temporal, for its UI and command line',
      work: (body) => endpoint.decode(body),
    }),
    codecRoute(origins, {
      path: '/codec/encode',
      // What this product's keys encrypted counts as written by it.
      access: 'create',
      summary: 'Encodes payloads for Temporal, such as the arguments of an update',
      work: (body) => endpoint.encode(body),
    }),
  ];
}

interface Coding {
  readonly path: string;
  readonly access: Verb;
  readonly summary: string;
  readonly work: (body: unknown) => Promise<CodecBody>;
}

function codecRoute(origins: readonly string[], { path, access, summary, work }: Coding): Route {
  return {
    method: 'POST',
    path,
    access,
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
      problems: ['malformed-body', 'body-too-large', 'undecodable-payload'],
    },
    answer: async (request) => {
      const coded = await code(request, work);
      const [caller, payloads] = [request.caller.name, coded.payloads.length];
      request.log.info({ caller, path, payloads }, 'payloads of Temporal were coded');
      return jsonAnswer(coded);
    },
  };
}

/**
 * What is wrong with the body or a payload becomes a problem. The errors of the codec say what, and hold no
 * payload.
 */
async function code(request: ApiRequest, work: Coding['work']): Promise<CodecBody> {
  try {
    return await work(readJsonBody(request));
  } catch (error: unknown) {
    if (error instanceof CodecBodyError) throw new Problem('malformed-body', error.message);
    if (error instanceof UndecodablePayloadError) throw new Problem('undecodable-payload', error.message);
    throw error;
  }
}

const base64 = { type: 'string', contentEncoding: 'base64', pattern: BASE64.source };

const BODY_SCHEMA = named('Payloads', {
  type: 'object',
  required: ['payloads'],
  properties: {
    payloads: {
      type: 'array',
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
