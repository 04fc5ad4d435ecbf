import { createHash } from 'node:crypto';

import { Problem } from '../http/problems.ts';

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;
const CHALLENGE = { 'www-authenticate': 'Bearer realm="remediation-audit"' };

/**
 * The token of an Authorization header, in the form of RFC 6750. A header that is absent, names another
 * scheme or holds more than one word is a 401 that says what to send.
 */
export function bearerToken(authorization: string | undefined): string {
  const [, token] = BEARER.exec(authorization ?? '') ?? [];
  if (token === undefined) throw unauthenticated('send a token: Authorization: Bearer …');
  return token;
}

/**
 * 401 with the `WWW-Authenticate` header that HTTP asks for. For a caller who is unknown, never for one who
 * may not do this.
 */
export function unauthenticated(detail: string): Problem {
  return new Problem('unauthenticated', detail, { headers: CHALLENGE });
}

/** 403 for a caller who is known. The detail names the verb that an operator has to grant. */
export function forbidden(caller: string, verb: string): Problem {
  return new Problem('forbidden', `${caller} may not ${verb} audits; grant it with a role binding`);
}

/** SHA-256 of a token: what stands for it in memory and in files. The token itself is never kept. */
export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
