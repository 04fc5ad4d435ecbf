import type { Payload } from '@temporalio/common';

import { reasonOf } from '../domain/errors.ts';
import { Semaphore } from '../domain/semaphore.ts';
import { type BoundedPayloadCodec, type PayloadOwner, PayloadsTooLargeError } from './payload-codec.ts';

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

/** A payload is encrypted for one workflow, and none was named. */
export class UnknownOwnerError extends Error {
  constructor() {
    super(
      'a payload is encrypted for one workflow: name it in the headers X-Namespace and X-Workflow-Id, with the command line ' +
        'by --namespace NAMESPACE --codec-header X-Workflow-Id=ID',
    );
    this.name = 'UnknownOwnerError';
  }
}

/** Others are being coded, and as many wait as may. */
export class CodecBusyError extends Error {
  constructor() {
    super('other payloads are being coded; send these again');
    this.name = 'CodecBusyError';
  }
}

/** Payloads as Temporal's UI and command line take them: JSON with bytes as base64. */
export interface CodedPayloads {
  readonly count: number;
  /** The body in pieces: as one text it would take several times what was decoded. */
  readonly text: Iterable<string>;
  /** To be called when the text has been sent or nobody waits for it any more: until then no other request is coded. */
  readonly release: () => void;
}

/** What Temporal's UI calls to show payloads that are compressed or encrypted. Whoever may call it reads everything. */
export interface CodecEndpoint {
  /** The signal ends the wait for others. */
  encode(body: unknown, signal: AbortSignal, owner?: PayloadOwner): Promise<CodedPayloads>;
  /** Shows a payload as what it says it is; whether it is where it belongs is checked as far as the owner is named. */
  decode(body: unknown, signal: AbortSignal, owner?: PayloadOwner): Promise<CodedPayloads>;
}

/** In one request. */
export const MAX_PAYLOADS = 100;
/** Twice the most that one payload may be. A few hundred bytes decompress to that much, whoever sends them. */
const MAX_DECODED_BYTES = 8 * 1024 * 1024;
/** More than the pages of a few people send at once. */
const MAX_WAITING = 32;

export const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** One request at a time: what one of them may take in memory is what all of them take. */
export function createCodecEndpoint(codec: BoundedPayloadCodec): CodecEndpoint {
  const waiting = { most: MAX_WAITING, refusal: () => new CodecBusyError() };
  const semaphore = new Semaphore({ permits: 1, waiting });
  const alone = async (signal: AbortSignal, work: () => Promise<Payload[]>): Promise<CodedPayloads> => {
    const release = await semaphore.acquire(signal);
    try {
      const payloads = await work();
      // What was decoded is in memory until it has been sent: one request at a time bounds that, too.
      return { count: payloads.length, text: writeBody(payloads), release };
    } catch (error: unknown) {
      release();
      throw error;
    }
  };
  return {
    encode: (body, signal, owner = {}) =>
      alone(signal, async () => {
        if (codec.encrypts && (owner.namespace === undefined || owner.workflowId === undefined))
          throw new UnknownOwnerError();
        return codec.encodeFor(readBody(body), owner);
      }),
    decode: (body, signal, owner = {}) =>
      alone(signal, async () => {
        const payloads = readBody(body);
        try {
          return await codec.decodeWithin(payloads, MAX_DECODED_BYTES, owner);
        } catch (error: unknown) {
          throw error instanceof PayloadsTooLargeError ? error : new UndecodablePayloadError(error);
        }
      }),
  };
}

function readBody(body: unknown): Payload[] {
  const payloads = isObject(body) ? body['payloads'] : undefined;
  if (!Array.isArray(payloads)) throw new CodecBodyError('the body has no list `payloads`');
  if (payloads.length > MAX_PAYLOADS)
    throw new PayloadsTooLargeError(
      `there are ${payloads.length} payloads, of which ${MAX_PAYLOADS} are taken`,
    );
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

/** A multiple of 3, so that the base64 of the pieces is that of the whole. */
const PIECE_BYTES = 48 * 1024;

function* writeBody(payloads: readonly Payload[]): Generator<string> {
  yield '{"payloads":[';
  for (const [index, { metadata, data }] of payloads.entries()) {
    const members = Object.entries(metadata ?? {}).map(([name, value]) => [name, base64Of(value)]);
    yield `${index === 0 ? '' : ','}{"metadata":${JSON.stringify(Object.fromEntries(members))},"data":"`;
    const bytes = data ?? new Uint8Array();
    for (let at = 0; at < bytes.length; at += PIECE_BYTES)
      yield base64Of(bytes.subarray(at, at + PIECE_BYTES));
    yield '"}';
  }
  yield ']}';
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
