import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import type { NativeConnectionOptions } from '@temporalio/worker';

import { reasonOf } from '../domain/errors.ts';
import { createDataConverter } from './data-converter.ts';
import type { PayloadOptions } from './payload-codec.ts';
import { REPEATED_CALLS } from './repeated-calls.ts';

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
  /** What the server or the way to it said, in one line. */
  readonly reason: string;
  readonly remedy: string;

  constructor({ connectionOptions }: TemporalAccess, cause: unknown) {
    const { address = 'localhost:7233', tls, apiKey } = connectionOptions;
    const said = reasonOf(cause);
    // What follows the message of a status are bytes.
    const [message = ''] = said.replace('Resolution note:', '').split(', details: ', 1);
    const reason = message.replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '');
    const remedy = remedyFor(reason, {
      // An API key goes over TLS unless that is switched off by name.
      usesTls: tls === undefined || tls === null ? apiKey !== undefined : tls !== false,
      hasClientCertificate: typeof tls === 'object' && tls?.clientCertPair !== undefined,
    });
    super(`cannot reach Temporal at ${address}: ${reason}; ${remedy}`, { cause });
    this.name = 'TemporalUnreachableError';
    this.address = address;
    this.reason = reason;
    this.remedy = remedy;
  }
}

const PING_DEADLINE_MS = 5_000;
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
  try {
    await callOnce(access, FAULT_DEADLINE_MS);
    return error;
  } catch (fault: unknown) {
    return fault;
  }
}

/** One call over a connection of its own, not repeated. A TemporalUnreachableError says why there is no answer. */
export async function probeTemporal(access: TemporalAccess): Promise<void> {
  try {
    await callOnce(access, PING_DEADLINE_MS);
  } catch (fault: unknown) {
    throw new TemporalUnreachableError(access, fault);
  }
}

async function callOnce(access: TemporalAccess, deadlineMs: number): Promise<void> {
  const { connection, close } = connectTemporalOnce(access);
  try {
    await connection.withDeadline(Date.now() + deadlineMs, () =>
      connection.workflowService.getSystemInfo({}),
    );
  } finally {
    await close();
  }
}

/** For a process that does its work without Temporal too: connects at the first call, and again whenever it must. */
export function connectTemporalLazily(access: TemporalAccess): TemporalClient {
  return clientOn(Connection.lazy(clientOptions(access)), access);
}

/** The same for one question each: a call that fails is not sent again. */
export function connectTemporalOnce(access: TemporalAccess): TemporalClient {
  return clientOn(Connection.lazy({ ...clientOptions(access), interceptors: [] }), access);
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
    interceptors: REPEATED_CALLS,
  };
}

/** Rejects when Temporal does not answer. */
export async function pingTemporal(
  connection: Pick<Connection, 'withDeadline' | 'workflowService'>,
): Promise<void> {
  await connection.withDeadline(Date.now() + PING_DEADLINE_MS, () =>
    connection.workflowService.getSystemInfo({}),
  );
}

interface Fault {
  /** How the libraries below say it: grpc-js with OpenSSL in the client, tonic with rustls in the worker. */
  readonly says: RegExp;
  readonly remedy: string;
}

const FAULTS: readonly Fault[] = [
  {
    says: /UNAUTHENTICATED|PERMISSION_DENIED|valid authentication credentials|does not have permission/,
    remedy: 'check TEMPORAL_API_KEY and that it is meant for this namespace',
  },
  {
    says: /NotFound|NOT_FOUND|is not found/,
    remedy:
      'make the namespace with `temporal operator namespace create`, or name another one in TEMPORAL_NAMESPACE',
  },
  {
    says: /CertificateRequired|certificate required|alert number 116/,
    remedy:
      'the server wants a client certificate: set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH',
  },
  {
    says: /NotValidForName|altnames/,
    remedy: 'the certificate is for another name: check TEMPORAL_ADDRESS, or set TEMPORAL_TLS_SERVER_NAME',
  },
  {
    says: /UnknownIssuer|unable to get|unable to verify|self[- ]signed/,
    remedy: 'name the authority that signed its certificate in TEMPORAL_TLS_SERVER_CA_CERT_PATH',
  },
  {
    says: /InvalidContentType|wrong version number|packet length too long/,
    remedy: 'it speaks no TLS: unset TEMPORAL_TLS, the other TEMPORAL_TLS_… and TEMPORAL_API_KEY',
  },
];

/** How a connection ends that the other side breaks off without a word, or whose word came too late to be read. */
const BROKEN_OFF = /BrokenPipe|Failed to connect \(|ECONNRESET/;

interface Protection {
  readonly usesTls: boolean;
  readonly hasClientCertificate: boolean;
}

/** What somebody can do who cannot reach Temporal for this reason. */
export function remedyFor(reason: string, protection: Protection): string {
  const fault = FAULTS.find(({ says }) => says.test(reason));
  if (fault !== undefined) return fault.remedy;
  if (BROKEN_OFF.test(reason)) return brokenOffRemedy(protection);
  return 'check TEMPORAL_ADDRESS and that the server is up';
}

/**
 * With TLS 1.3 a server refuses a missing client certificate after its side of the handshake: who writes
 * in that moment meets the closed connection before the reason.
 */
function brokenOffRemedy({ usesTls, hasClientCertificate }: Protection): string {
  if (!usesTls) return 'check that this is the port for clients, and set TEMPORAL_TLS=true if it speaks TLS';
  if (hasClientCertificate) {
    return 'check that this is the port for clients, and that the server takes the certificate in TEMPORAL_TLS_CLIENT_CERT_PATH';
  }
  return 'check that this is the port for clients, and set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH if it wants a client certificate';
}

/** Statuses of gRPC by which Temporal, or the way to it, says that the same call may succeed later. */
const PASSING: ReadonlySet<number> = new Set([
  1, // CANCELLED
  2, // UNKNOWN: what a server says that is breaking down
  4, // DEADLINE_EXCEEDED
  8, // RESOURCE_EXHAUSTED
  10, // ABORTED
  13, // INTERNAL: a broken connection in the middle of an answer
  14, // UNAVAILABLE
]);

/** Whether Temporal cannot be reached or cannot answer now. Anything else is a mistake of ours or of the configuration. */
export function isTemporalOutage(error: unknown): boolean {
  let fault = error;
  // The client wraps the error of gRPC, and keeps it as the cause.
  while (fault instanceof Error && !isGrpcServiceError(fault)) fault = fault.cause;
  return isGrpcServiceError(fault) && PASSING.has(fault.code);
}
