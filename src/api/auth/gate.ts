import { createHash } from 'node:crypto';

import type { Metrics } from '../../observability/metrics.ts';
import { Problem } from '../http/problems.ts';

/*
 * Who calls, and what they may do. One gate per mode: the API server reviews the token (kubernetes-gate.ts), a file has
 * its hash (token-gate.ts), or nobody is checked, which is allowed on loopback only.
 *
 * A gate answers a caller or throws a problem: 401 when the caller is unknown, 403 when the verb is not granted, 503 when
 * nobody can decide now. Tokens are compared by hash and in constant time, and are never stored or logged. Answers of the
 * API server are cached for seconds; while it is down known callers go on reading for minutes and posting for an hour.
 */

/**
 * What a caller may be allowed to do; the verbs of the virtual resource `audits.remediation-audit`. Roles of
 * clusters name them: renaming one would take the right away. `hold` also approves drops, `restore` also
 * tries quarantined observations again, `backfill` lets a post put its record into any month.
 */
export type Verb = 'create' | 'get' | 'list' | 'hold' | 'restore' | 'backfill';

export type AuthMode = 'none' | 'token' | 'kubernetes';

/** Who calls, as it goes into the ledger and the log. */
export interface Caller {
  /** Service account or user as the API server spells it, the name in the tokens file, or `anonymous`. */
  readonly name: string;
}

/** Decides who is calling and what they may do. One per mode. */
export interface Gate {
  /**
   * Names the caller if it may do this. Throws the problem that says why not. Answers at once, without a promise, when
   * nobody has to be asked. `address` is where the request comes from: callers whom nobody knows yet share what each address
   * may ask.
   */
  admit(authorization: string | undefined, verb: Verb, address: string): Caller | Promise<Caller>;
  /** Ends connections and timers of the gate. Called after the server has closed. */
  close(): Promise<void>;
}

/** For loopback only: nobody is asked, everything is allowed. */
export function createOpenGate(): Gate {
  const caller: Caller = { name: 'anonymous' };
  return { admit: () => caller, close: () => Promise.resolve() };
}

const UNAUTHENTICATED = 401;
const FORBIDDEN = 403;

/**
 * The same gate, with each decision counted: admitted, unauthenticated, forbidden, or unavailable for
 * everything else. It answers without a promise where the gate does.
 */
export function countAdmissions(gate: Gate, { api: { admissions } }: Metrics): Gate {
  const admitted = (caller: Caller): Caller => {
    admissions.inc({ result: 'admitted' });
    return caller;
  };
  const turnedAway = (error: unknown): never => {
    admissions.inc({ result: resultOf(error) });
    throw error;
  };
  return {
    admit(authorization, verb, address) {
      try {
        const caller = gate.admit(authorization, verb, address);
        return caller instanceof Promise ? caller.then(admitted, turnedAway) : admitted(caller);
      } catch (error: unknown) {
        return turnedAway(error);
      }
    },
    close: () => gate.close(),
  };
}

function resultOf(error: unknown): string {
  const status = error instanceof Problem ? error.status : 0;
  if (status === UNAUTHENTICATED) return 'unauthenticated';
  return status === FORBIDDEN ? 'forbidden' : 'unavailable';
}

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
  return new Problem('forbidden', `${caller} may not ${verb} audits; grant it with a role binding`, {
    caller,
  });
}

/** SHA-256 of a token: what stands for it in memory and in files. The token itself is never kept. */
export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
