import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';

import { EndingError } from '../../domain/errors.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { AuthMode, Gate } from '../auth/gate.ts';
import type { AccessAudit } from './access-trace.ts';
import { LOOPBACK } from './browser-guard.ts';
import type { HttpLimits } from './http-server.ts';
import { createHttpServer } from './http-server.ts';
import type { Route } from './route.ts';
import type { TlsFiles } from './tls.ts';
import { openTls } from './tls.ts';

/** What the service listens on, who may call, and what it answers. */
export interface ApiOptions {
  readonly host: string;
  /** 0 lets the system choose; `RunningApi.url` has what it chose. */
  readonly port: number;
  readonly authMode: AuthMode;
  /** Lets mode `none` listen beyond loopback, where something else keeps strangers out. */
  readonly allowInsecureBind: boolean;
  /** Names besides those of loopback and its own address under which mode `none` answers; without port. */
  readonly allowedHosts: readonly string[];
  readonly routes: readonly Route[];
  readonly gate: Gate;
  /** Whether pages of the origins that a route names need no token. Default false. */
  readonly isOpenToCodecPages?: boolean;
  readonly audit: AccessAudit;
  readonly limits?: Partial<HttpLimits>;
  /** Speaks plain HTTP without them. */
  readonly tls?: TlsFiles | undefined;
  /** How long requests in flight may take to end when the service stops, in milliseconds. Default 20,000. */
  readonly shutdownGraceMs?: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export interface RunningApi {
  /** Where it listens, with the port that the system chose. */
  readonly url: string;
  /** Takes no new requests, answers those in flight, then closes. What does not end within the grace is cut off. */
  stop(): Promise<void>;
}

/** The service would let anybody in. Thrown before it listens; the message names the settings. */
export class InsecureBindError extends EndingError {
  readonly ending = 'configuration';

  constructor(host: string) {
    super(
      `REMEDIATION_AUDIT_API_HOST is ${host}, where the API would let anybody in: set it to 127.0.0.1, choose another REMEDIATION_AUDIT_API_AUTH_MODE, ` +
        'or set REMEDIATION_AUDIT_API_ALLOW_INSECURE_BIND=true where something else keeps strangers out',
    );
    this.name = 'InsecureBindError';
  }
}

/** Whether these settings let anybody in from elsewhere: nobody is checked, and the host is not loopback. */
export function isInsecureBind({
  authMode,
  host,
  allowInsecureBind,
}: Pick<ApiOptions, 'authMode' | 'host' | 'allowInsecureBind'>): boolean {
  return authMode === 'none' && !LOOPBACK.has(host) && !allowInsecureBind;
}

const DEFAULT_GRACE_MS = 20_000;

/**
 * Starts the service: checks the settings, reads certificate and key, listens. Settles when requests are
 * taken.
 *
 * Throws InsecureBindError, and whatever is wrong with the certificate or the address: a service that cannot
 * be reached as it was configured does not start.
 */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  if (isInsecureBind(options)) throw new InsecureBindError(options.host);
  const tls = options.tls === undefined ? undefined : await openTls(options.tls, options.logger);
  const http = createHttpServer({ ...options, ...(tls === undefined ? {} : { certificate: tls.current() }) });
  const { server } = http.fastify;
  tls?.onChange((certificate) => {
    // For connections from now on; those that are open keep the certificate they began with.
    if (server instanceof TlsServer) server.setSecureContext({ ...certificate });
  });
  await http.fastify.listen({ host: options.host, port: options.port });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    async stop() {
      tls?.close();
      await http.close(options.shutdownGraceMs ?? DEFAULT_GRACE_MS);
    },
  };
}
