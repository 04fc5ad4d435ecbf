import { timingSafeEqual } from 'node:crypto';

import { parseInstant } from '../../domain/instant.ts';
import type { Logger } from '../../observability/logger.ts';
import { Problem } from '../http/problems.ts';
import { watchFiles } from '../http/watched-files.ts';
import type { Gate, Verb } from './gate.ts';
import { bearerToken, forbidden, tokenHash, unauthenticated } from './gate.ts';

/**
 * What each role of the tokens file may do, in the verbs that roles of the cluster use too. A writer reads
 * nothing.
 */
export const ROLES = {
  writer: ['create'],
  backfiller: ['create', 'backfill'],
  reader: ['get', 'list'],
  admin: ['create', 'get', 'list', 'hold', 'restore', 'backfill'],
} as const satisfies Readonly<Record<string, readonly Verb[]>>;
type Role = keyof typeof ROLES;

interface KnownToken {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, 32 bytes as `timingSafeEqual` needs them. */
  readonly hash: Buffer;
  /** Milliseconds since 1970; infinite when the entry does not say. */
  readonly expiresMs: number;
}

interface TokenGateOptions {
  /** How often the file is checked, in milliseconds. Default 10,000. */
  readonly intervalMs?: number;
  /** How long the tokens of a file that is missing stay valid, in milliseconds. Default 30,000. */
  readonly graceMs?: number;
  /** Called when the file becomes usable, or stops being so. Default: nothing. */
  readonly onUsable?: (usable: boolean) => void;
}

/** A shorter one can be guessed; those that the command makes have 43. */
const MIN_TOKEN_LENGTH = 32;
const GRACE_MS = 30_000;
const MAKE_ONE = 'make one with `remediation-audit token`';

/** The tokens file cannot be used. The message says where and never shows what stands there. */
export class TokensFileError extends Error {
  constructor(path: string, problem: string) {
    super(
      `the tokens file ${path} ${problem}; it holds a JSON array of {"name", "role", "sha256", "expires"}, ` +
        `role one of ${Object.keys(ROLES).join(', ')}, sha256 the hash of the token as 64 hexadecimal digits, ` +
        'expires an RFC 3339 time or left out; `remediation-audit token` makes an entry',
    );
    this.name = 'TokensFileError';
  }
}

/**
 * Callers are those whose token's hash stands in the file at `path`, which is read again when it changes.
 *
 * Throws a TokensFileError when the file cannot be used at the start. A later file that cannot be used is
 * logged, and the old tokens stay valid. One that is missing revokes all tokens after half a minute: whoever deletes it to
 * revoke them must not find them valid for ever.
 */
export async function createTokenGate(
  path: string,
  logger: Logger,
  { intervalMs, graceMs = GRACE_MS, onUsable }: TokenGateOptions = {},
): Promise<Gate> {
  const files = await watchFiles([path], intervalMs);
  let isMissing = false;
  let known = readTokens(path, files.current()[0] ?? '');
  files.onChange(([text = '']) => {
    try {
      known = readTokens(path, text);
      onUsable?.(true);
      logger.info({ path, tokens: known.length }, 'the tokens file was read again');
    } catch (error: unknown) {
      onUsable?.(false);
      logger.error({ err: error }, 'the new tokens file cannot be used; the old tokens stay valid');
    }
  });
  files.onUnreadable((failure) => {
    onUsable?.(failure === undefined);
    if (failure === undefined) logger.info({ path }, 'the tokens file is there again');
    else if (!isMissing && failure.forMs >= graceMs) {
      logger.error(
        { err: failure.error, path },
        'the tokens file cannot be read: every request is refused until it is there again',
      );
    }
    isMissing = failure !== undefined && failure.forMs >= graceMs;
  });
  return {
    admit(authorization, verb) {
      const token = bearerToken(authorization);
      if (isMissing)
        throw new Problem('authority-unavailable', 'the tokens file of the service is missing; try again');
      if (token.length < MIN_TOKEN_LENGTH)
        throw unauthenticated(`a token has at least ${MIN_TOKEN_LENGTH} characters; ${MAKE_ONE}`);
      const hash = tokenHash(token);
      // Every entry is compared, in constant time: how long it takes reveals nothing about how near a guess was.
      const found = known.filter((candidate) => timingSafeEqual(candidate.hash, hash))[0];
      if (found === undefined) throw unauthenticated('this token is not known');
      if (found.expiresMs <= Date.now()) throw unauthenticated(`this token has expired; ${MAKE_ONE}`);
      const allowed: readonly Verb[] = ROLES[found.role];
      if (!allowed.includes(verb)) throw forbidden(found.name, verb);
      return { name: found.name };
    },
    close: () => {
      files.close();
      return Promise.resolve();
    },
  };
}

const SHA256_HEX = /^[0-9a-f]{64}$/i;

/**
 * Reads the whole file or nothing: one bad entry makes it unusable. Throws a TokensFileError that names the
 * entry and never quotes it.
 */
export function readTokens(path: string, text: string): readonly KnownToken[] {
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    // The parser's message quotes the file.
    throw new TokensFileError(path, 'is not valid JSON');
  }
  if (!Array.isArray(entries)) throw new TokensFileError(path, 'is not an array');
  return entries.map((entry: unknown, index) => readToken(path, entry, index));
}

function readToken(path: string, entry: unknown, index: number): KnownToken {
  const { name, role, sha256, expires } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  const where = `entry ${index + 1}`;
  if (typeof name !== 'string' || name === '') throw new TokensFileError(path, `has no name in ${where}`);
  if (typeof role !== 'string' || !Object.hasOwn(ROLES, role))
    throw new TokensFileError(path, `has no known role in ${where}`);
  if (typeof sha256 !== 'string' || !SHA256_HEX.test(sha256))
    throw new TokensFileError(path, `has no sha256 in ${where}`);
  return {
    name,
    role: role as Role,
    hash: Buffer.from(sha256, 'hex'),
    expiresMs: readExpiry(path, expires, where),
  };
}

/** A misspelled time must not mean for ever. */
function readExpiry(path: string, expires: unknown, where: string): number {
  if (expires === undefined) return Number.POSITIVE_INFINITY;
  const instant = typeof expires === 'string' ? parseInstant(expires) : undefined;
  if (instant === undefined) throw new TokensFileError(path, `has no valid time as expires in ${where}`);
  return Date.parse(instant);
}
