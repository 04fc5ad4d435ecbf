import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import type { NativeConnectionOptions } from '@temporalio/worker';

import { reasonOf } from '../domain/errors.ts';
import { remedyFor } from './connection-remedy.ts';
import { createDataConverter } from './data-converter.ts';
import type { PayloadOptions } from './payload-codec.ts';

export interface TemporalAccess {
  readonly connectionOptions: NativeConnectionOptions;
  readonly namespace: string;
  /** How payloads are compressed and encrypted. Default: not at all. */
  readonly payloads?: PayloadOptions;
}

export interface TemporalClient {
  readonly client: Client;
  readonly connection: Connection;
  readonly close: () => Promise<void>;
}

export class TemporalUnreachableError extends Error {
  readonly address: string;

  constructor({ connectionOptions }: TemporalAccess, cause: unknown) {
    const { address = 'localhost:7233', tls, apiKey } = connectionOptions;
    const said = reasonOf(cause);
    // What follows the message of a status are bytes.
    const [message = ''] = said.replace('Resolution note:', '').split(', details: ', 1);
    const reason = message.replaceAll(/\s+/g, ' ').trim();
    const remedy = remedyFor(reason, {
      // An API key goes over TLS unless that is switched off by name.
      usesTls: tls === undefined || tls === null ? apiKey !== undefined : tls !== false,
      hasClientCertificate: typeof tls === 'object' && tls?.clientCertPair !== undefined,
    });
    super(`cannot reach Temporal at ${address}: ${reason}; ${remedy}`, { cause });
    this.name = 'TemporalUnreachableError';
    this.address = address;
  }
}

const FAULT_DEADLINE_MS = 2_000;
/** The library's own pauses grow to two minutes: so long after Temporal is back nothing would be sent to it. */
const LONGEST_RECONNECT_PAUSE_MS = 5_000;

export const PLAIN_PAYLOADS: PayloadOptions = { compressAboveBytes: 0, keys: [] };

/** One connection per process: connections opened per request leak. */
export async function connectTemporal(access: TemporalAccess): Promise<TemporalClient> {
  const connection = Connection.lazy(clientOptions(access));
  try {
    await connection.ensureConnected();
    return clientOn(connection, access);
  } catch (error: unknown) {
    // It would go on trying in the background.
    await connection.close();
    const fault = await findFault(access, error);
    throw new TemporalUnreachableError(access, fault);
  }
}

/** A client that waits does not say for what; a single call without retries does. */
async function findFault(access: TemporalAccess, error: unknown): Promise<unknown> {
  if (error instanceof Error && isGrpcServiceError(error.cause)) return error.cause;
  const probe = Connection.lazy({ ...clientOptions(access), interceptors: [] });
  try {
    await probe.withDeadline(Date.now() + FAULT_DEADLINE_MS, () => probe.workflowService.getSystemInfo({}));
    return error;
  } catch (fault: unknown) {
    return fault;
  } finally {
    await probe.close();
  }
}

/** For a process that does its work without Temporal too: connects at the first call, and again whenever it must. */
export function connectTemporalLazily(access: TemporalAccess): TemporalClient {
  return clientOn(Connection.lazy(clientOptions(access)), access);
}

function clientOn(connection: Connection, { namespace, payloads = PLAIN_PAYLOADS }: TemporalAccess) {
  const dataConverter = createDataConverter(payloads);
  return {
    client: new Client({ connection, namespace, dataConverter }),
    connection,
    close: () => connection.close(),
  };
}

function clientOptions({ connectionOptions }: TemporalAccess) {
  const { address, tls, apiKey, metadata } = connectionOptions;
  return {
    ...(address === undefined ? {} : { address }),
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
    channelArgs: { 'grpc.max_reconnect_backoff_ms': LONGEST_RECONNECT_PAUSE_MS },
  };
}
