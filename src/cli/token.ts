import { randomBytes } from 'node:crypto';

import { tokenHash } from '../api/auth/gate.ts';
import { ROLES } from '../api/auth/token-gate.ts';
import { UsageError } from '../config/settings.ts';
import { DAY_MS } from '../domain/time.ts';
import { readFlags } from './arguments.ts';

const ROLE_NAMES = Object.keys(ROLES);
const TOKEN_BYTES = 32;
const DEFAULT_DAYS = 365;
const MAX_DAYS = 3_650;

const USAGE = `usage: remediation-audit token NAME --role ${ROLE_NAMES.join('|')} [--days N]

Makes a token of 256 bits for auth mode token. Prints the token, which is shown this once and kept nowhere, and the entry
for the array in REMEDIATION_AUDIT_API_TOKENS_FILE, which holds its hash alone.

  NAME          who will use it; stands in the ledger and in traces
  --role        ${Object.entries(ROLES)
    .map(([role, verbs]) => `${role} (${verbs.join(', ')})`)
    .join(', ')}
  --days        days until it expires, 1 to ${MAX_DAYS}. Default: ${DEFAULT_DAYS}
`;

/** `token NAME --role ROLE`: makes a token that nobody can guess, and what the tokens file says of it. */
export function runToken(args: readonly string[]): Promise<void> {
  const { values, positionals } = readFlags(args, {
    role: { type: 'string' },
    days: { type: 'string', default: String(DEFAULT_DAYS) },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help === true) process.stdout.write(USAGE);
  else process.stdout.write(tokenLines(readName(positionals), readRole(values.role), readDays(values.days)));
  return Promise.resolve();
}

function tokenLines(name: string, role: string, days: number): string {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const entry = {
    name,
    role,
    sha256: tokenHash(token).toString('hex'),
    expires: new Date(Date.now() + days * DAY_MS).toISOString(),
  };
  return `token  ${token}\nentry  ${JSON.stringify(entry)}\n`;
}

function readName([name = '', ...more]: readonly string[]): string {
  if (name === '' || more.length > 0) throw new UsageError(`one name is needed\n\n${USAGE}`);
  return name;
}

function readRole(role = ''): string {
  if (!ROLE_NAMES.includes(role)) throw new UsageError(`--role must be one of ${ROLE_NAMES.join(', ')}`);
  return role;
}

function readDays(text: string): number {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > MAX_DAYS)
    throw new UsageError(`--days must be a whole number from 1 to ${MAX_DAYS}`);
  return days;
}
