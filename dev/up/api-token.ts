import { randomBytes } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { tokenHash } from '../../src/api/auth/gate.ts';

/*
 * The token of the API of `npm start`. Without one every user of the machine, and every page that gets past the checks of mode
 * `none`, could read and change the audit of whatever cluster is watched.
 *
 * It is made once for each data directory and stays, so that what somebody has typed works after the next start. Both files
 * are of their owner alone: the token itself, for `curl` and scripts, and its hash, which the service reads.
 */

interface ApiToken {
  readonly token: string;
  /** As REMEDIATION_AUDIT_API_TOKENS_FILE wants it. */
  readonly tokensFile: string;
}

/** Who calls, in the ledger and in the audit of reads. */
const CALLER = 'npm-start';
const TOKEN_BYTES = 32;
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;
const FORM = /^[A-Za-z0-9_-]{43}$/;

export async function openApiToken(dataDir: string): Promise<ApiToken> {
  const file = join(dataDir, 'api-token');
  const tokensFile = join(dataDir, 'tokens.json');
  const token = (await readToken(file)) ?? randomBytes(TOKEN_BYTES).toString('base64url');
  await writeOwn(file, token);
  const sha256 = tokenHash(token).toString('hex');
  await writeOwn(tokensFile, `${JSON.stringify([{ name: CALLER, role: 'admin', sha256 }])}\n`);
  return { token, tokensFile };
}

/** One that others could read is one no more: another is made. */
async function readToken(file: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(file);
    const token = await readFile(file, 'utf8');
    return (mode & OTHERS) === 0 && FORM.test(token) ? token : undefined;
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A new file: an old one would keep its mode, and its readers. */
async function writeOwn(path: string, text: string): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, text, { mode: OWNER_ONLY, flag: 'wx' });
}
