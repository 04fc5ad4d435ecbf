import { createHash } from 'node:crypto';

import { Problem } from '../http/problems.ts';

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;
const CHALLENGE = { 'www-authenticate': 'Bearer realm="remediation-audit"' };

/** The token of an Authorization header. */
export function bearerToken(authorization: string | undefined): string {
  const [, token] = BEARER.exec(authorization ?? '') ?? [];
  if (token === undefined) throw unauthenticated('send a token: Authorization: Bearer …');
  return token;
}

export function unauthenticated(detail: string): Problem {
  return new Problem('unauthenticated', detail, { headers: CHALLENGE });
}

export function forbidden(caller: string, verb: string): Problem {
  return new Problem('forbidden', `${caller} may not ${verb} audits; grant it with a role binding`);
}

/** What stands for a token in memory and in files: the token itself is never kept. */
export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
