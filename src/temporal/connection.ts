import { Client, Connection } from '@temporalio/client';
import type { NativeConnectionOptions } from '@temporalio/worker';

export interface TemporalAccess {
  readonly connectionOptions: NativeConnectionOptions;
  readonly namespace: string;
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

/** One connection per process: connections opened per request leak. */
export async function connectTemporal(access: TemporalAccess): Promise<TemporalClient> {
  const address = access.connectionOptions.address ?? 'localhost:7233';
  try {
    const connection = await Connection.connect(clientOptions(access));
    return {
      client: new Client({ connection, namespace: access.namespace }),
      connection,
      close: () => connection.close(),
    };
  } catch (error: unknown) {
    throw new TemporalUnreachableError(address, error);
  }
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
