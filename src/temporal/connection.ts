import { Client, Connection } from '@temporalio/client';
import type { NativeConnectionOptions } from '@temporalio/worker';

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

  constructor(address: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `cannot reach Temporal at ${address}: ${reason}; check TEMPORAL_ADDRESS and that the server is up`,
      { cause },
    );
    this.name = 'TemporalUnreachableError';
    this.address = address;
  }
}

export const PLAIN_PAYLOADS: PayloadOptions = { compressAboveBytes: 0, keys: [] };

/** One connection per process: connections opened per request leak. */
export async function connectTemporal(access: TemporalAccess): Promise<TemporalClient> {
  try {
    return clientOn(await Connection.connect(clientOptions(access)), access);
  } catch (error: unknown) {
    throw new TemporalUnreachableError(access.connectionOptions.address ?? 'localhost:7233', error);
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
  };
}
