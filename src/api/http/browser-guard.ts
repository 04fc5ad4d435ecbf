import type { IncomingHttpHeaders } from 'node:http';

import { Problem } from './problems.ts';

/*
 * Where nobody is asked who calls, being on this machine is what lets a caller in, and the browser of somebody who sits at
 * it is on this machine, too: any page that is open in it can make it send requests here. Two ways are shut.
 *
 * A page of another origin cannot read an answer, but a record, a hold or an approval is made all the same: what the
 * browser says of the page (`Origin`, `Sec-Fetch-Site`; a page can change neither) must not name another one. A page whose
 * own name was pointed at this address (DNS rebinding) is of the same origin to the browser and reads everything: `Host`
 * still has the page's name, and must be one that this service goes by.
 */

/** Names of this machine for itself, without port. */
export const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** What the guard reads of a request. */
interface Approach {
  readonly headers: IncomingHttpHeaders;
  /** The address at which the connection arrived; absent where there is no socket. */
  readonly localAddress: string | undefined;
  /** Origins whose pages may call the address although they are others. */
  readonly origins: readonly string[];
}

/** Throws the problem of a request that a page of somebody else may have made. */
export type BrowserGuard = (approach: Approach) => void;

interface GuardOptions {
  /** Where the service listens, as it was configured. */
  readonly host: string;
  /** Further names by which it is called, without port. */
  readonly allowedHosts: readonly string[];
}

export function createBrowserGuard({ host: address, allowedHosts }: GuardOptions): BrowserGuard {
  const names = new Set(allowedHosts.map((name) => name.toLowerCase()));
  const addresses = new Set([...LOOPBACK, address.toLowerCase()]);
  const isOurs = (name: string, localAddress: string | undefined): boolean =>
    addresses.has(name) || names.has(name) || (name !== '' && name === unmapped(localAddress));
  return ({ headers, localAddress, origins }) => {
    const host = headers.host?.toLowerCase() ?? '';
    if (!isOurs(withoutPort(host), localAddress)) throw unknownHost();
    const { origin } = headers;
    if (origin !== undefined && origins.includes(origin)) return;
    const isForeign = origin !== undefined && !isOwnOrigin(origin, { host, names });
    if (isForeign || !OWN_SITES.has(headers['sec-fetch-site'])) throw foreignPage();
  };
}

/** `none` is an address that somebody typed; what is no browser does not send the header. */
const OWN_SITES: ReadonlySet<unknown> = new Set([undefined, 'same-origin', 'none']);

/**
 * The page came from the host that is called now. Behind a proxy that writes a `Host` of its own it came from one of the
 * configured names.
 */
function isOwnOrigin(origin: string, { host, names }: { host: string; names: ReadonlySet<string> }): boolean {
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  // As the browser writes it: without the port that is usual for the protocol.
  const called = `${page.protocol}//${host}`;
  if (URL.canParse(called) && new URL(called).origin === page.origin) return true;
  return names.has(withoutPort(page.host));
}

/** The name or address of a `Host` header; empty when it has another form. */
function withoutPort(host: string): string {
  const [, address, name] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@?#\\]+))(?::\d*)?$/.exec(host) ?? [];
  return address ?? name ?? '';
}

/** IPv4 as it is written in a `Host` header, also where the socket takes both protocols. */
function unmapped(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:/, '');
}

function unknownHost(): Problem {
  return new Problem(
    'unknown-host',
    'the Host header names none of the hosts of this service: call it as localhost or by its address, or ' +
      'add the name to REMEDIATION_AUDIT_API_ALLOWED_HOSTS',
  );
}

function foreignPage(): Problem {
  return new Problem(
    'foreign-page',
    'the request comes from a page of another origin: send it from a page of this service or without a browser, or ' +
      'choose a REMEDIATION_AUDIT_API_AUTH_MODE that asks who calls',
  );
}
