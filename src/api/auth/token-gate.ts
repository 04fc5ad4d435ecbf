import { timingSafeEqual } from 'node:crypto';

import type { Logger } from '../../observability/logger.ts';
import { watchFiles } from '../http/watched-files.ts';
import type { Gate, Verb } from './gate.ts';
import { bearerToken, forbidden, tokenHash, unauthenticated } from './gate.ts';

/**
 * What each role of the tokens file may do, in the verbs that roles of the cluster use too. A writer reads
 * nothing.
 */
export const ROLES = {
  writer: ['create'],
  reader: ['get', 'list'],
  admin: ['create', 'get', 'list', 'hold', 'restore'],
} as const satisfies Readonly<Record<string, readonly Verb[]>>;
type Role = keyof typeof ROLES;

interface KnownToken {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, 32 bytes as `timingSafeEqual` needs them. */
  readonly hash: Buffer;
}

/** The tokens file cannot be used. The message says where and never shows what stands there. */
export class TokensFileError extends Error {
  constructor(path: string, problem: string) {
    super(
      `the tokens file ${path} ${problem}; it holds a JSON array of {"name", "role", "sha256"}, ` +
        `role one of ${Object.keys(ROLES).join(', ')}, sha256 the hash of the token as 64 hexadecimal digits`,
    );
    this.name = 'TokensFileError';
  }
}

/**
 * Callers are those whose token's hash stands in the file at `path`, which is read again when it changes.
 *
 * Throws a TokensFileError when the file cannot be used at the start. A later file that cannot be used is
 * logged, and the old tokens stay valid.
 */
export async function createTokenGate(path: string, logger: Logger, intervalMs?: number): Promise<Gate> {
  const files = await watchFiles([path], intervalMs);
  let known = readTokens(path, files.current()[0] ?? '');
  files.onChange(([text = '']) => {
    try {
      known = readTokens(path, text);
      logger.info({ path, tokens: known.length }, 'the tokens file was read again');
    } catch (error: unknown) {
      logger.error({ err: error }, 'the new tokens file cannot be used; the old tokens stay valid');
    }
  });
  return {
    admit(authorization, verb) {
      const hash = tokenHash(bearerToken(authorization));
      // Every entry is compared, in constant time: how long it takes reveals nothing about how near a guess was.
      const found = known.filter((candidate) => timingSafeEqual(candidate.hash, hash))[0];
      if (found === undefined) throw unauthenticated('this token is not known');
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
  const { name, role, sha256 } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  const where = `entry ${index + 1}`;
  if (typeof name !== 'string' || name === '') throw new TokensFileError(path, `has no name in ${where}`);
  if (typeof role !== 'string' || !Object.hasOwn(ROLES, role))
    throw new TokensFileError(path, `has no known role in ${where}`);
  if (typeof sha256 !== 'string' || !SHA256_HEX.test(sha256))
    throw new TokensFileError(path, `has no sha256 in ${where}`);
  return { name, role: role as Role, hash: Buffer.from(sha256, 'hex') };
}
