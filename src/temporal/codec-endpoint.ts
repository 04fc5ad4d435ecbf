import type { Payload, PayloadCodec } from '@temporalio/common';

import { reasonOf } from '../domain/errors.ts';

/** Payloads as Temporal's UI and command line send them to a codec server: bytes as base64. */
export interface CodecBody {
  readonly payloads: readonly JsonPayload[];
}

interface JsonPayload {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly data?: string;
}

/** The body is none that a codec server takes. */
export class CodecBodyError extends Error {
  constructor(problem: string) {
    super(`the body must be {"payloads": [{"metadata": {…}, "data": …}]} with base64 values: ${problem}`);
    this.name = 'CodecBodyError';
  }
}

/** A payload that was not written with the keys at hand, or was changed since. */
export class UndecodablePayloadError extends Error {
  constructor(cause: unknown) {
    const reason = reasonOf(cause);
    super(`a payload cannot be decoded: ${reason}`, { cause });
    this.name = 'UndecodablePayloadError';
  }
}

/** What Temporal's UI calls to show payloads that are compressed or encrypted. Whoever may call it reads everything. */
export interface CodecEndpoint {
  encode(body: unknown): Promise<CodecBody>;
  decode(body: unknown): Promise<CodecBody>;
}

export const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export function createCodecEndpoint(codec: PayloadCodec): CodecEndpoint {
  return {
    encode: async (body) => writeBody(await codec.encode(readBody(body))),
    decode: async (body) => {
      const payloads = readBody(body);
      try {
        return writeBody(await codec.decode(payloads));
      } catch (error: unknown) {
        throw new UndecodablePayloadError(error);
      }
    },
  };
}

function readBody(body: unknown): Payload[] {
  const payloads = isObject(body) ? body['payloads'] : undefined;
  if (!Array.isArray(payloads)) throw new CodecBodyError('the body has no list `payloads`');
  return payloads.map((payload: unknown) => {
    if (!isObject(payload)) throw new CodecBodyError('a payload is not an object');
    const { metadata = {}, data = '' } = payload;
    if (!isObject(metadata)) throw new CodecBodyError('the metadata of a payload is not an object');
    return {
      metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, bytesOf(value)])),
      data: bytesOf(data),
    };
  });
}

function writeBody(payloads: readonly Payload[]): CodecBody {
  return {
    payloads: payloads.map(({ metadata, data }) => ({
      metadata: Object.fromEntries(
        Object.entries(metadata ?? {}).map(([name, value]) => [name, base64Of(value)]),
      ),
      data: base64Of(data),
    })),
  };
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !BASE64.test(value)) throw new CodecBodyError('a value is not base64');
  return Buffer.from(value, 'base64');
}

function base64Of(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('base64');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
