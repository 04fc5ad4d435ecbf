import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { readTokens } from '../api/auth/token-gate.ts';
import type { Config } from '../config/config.ts';
import { hasRetention } from '../services/maintenance.ts';
import {
  callerProblems,
  readerKeyProblems,
  signerKeyProblems,
  tlsProblems,
} from '../services/service-checks.ts';
import type { Check, Outcome } from './check.ts';
import { notConfigured, ok, wrong } from './check.ts';
import type { Examined } from './examined.ts';

/**
 * Files with keys. Those of payloads are read with the configuration: one that cannot be used ends the
 * command before any check, with exit code 3.
 */
export function keyChecks({ config, nowMs }: Examined): readonly Check[] {
  const { api, retention, temporal } = config;
  return [
    temporal.payloads.keys.length === 0
      ? notConfigured('payload keys', 'REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE is not set')
      : fileCheck('payload keys', () => [], ok(`${temporal.payloads.keys.length} in the file`)),
    api.authMode === 'token'
      ? fileCheck(
          'tokens file',
          () => callerProblems(config),
          () => judgeTokens(api.tokensFile, nowMs()),
        )
      : notConfigured('tokens file', `REMEDIATION_AUDIT_API_AUTH_MODE is ${api.authMode}`),
    api.tls === undefined
      ? notConfigured('TLS certificate', 'REMEDIATION_AUDIT_API_TLS_CERT_PATH is not set')
      : fileCheck('TLS certificate', () => tlsProblems(config), judgeCertificate(api.tls, nowMs)),
    retention.archive.url === ''
      ? notConfigured('archive keys', 'REMEDIATION_AUDIT_ARCHIVE_URL is not set')
      : fileCheck('archive keys', () => archiveKeyProblems(config), ok('can be used')),
  ];
}

/** Whoever signs needs the private key; whoever only reads, one of either kind. */
function archiveKeyProblems(config: Config): readonly string[] {
  return hasRetention(config) ? signerKeyProblems(config) : readerKeyProblems(config);
}

/** `problems` are those for which the processes do not start; each names the variable and what to do. */
function fileCheck(
  name: string,
  problems: () => readonly string[],
  otherwise: Outcome | (() => Outcome),
): Check {
  return {
    name,
    remedy: 'check that this user may read the file',
    run: () => {
      const found = problems();
      if (found.length > 0) return Promise.resolve(wrong(found.join('; '), 'put a usable file there'));
      return Promise.resolve(typeof otherwise === 'function' ? otherwise() : otherwise);
    },
  };
}

function judgeTokens(path: string, nowMs: number): Outcome {
  const tokens = readTokens(path, readFileSync(path, 'utf8'));
  const valid = tokens.filter(({ expiresMs }) => expiresMs > nowMs);
  if (valid.length > 0) return ok(`${valid.length} valid, ${tokens.length - valid.length} expired`);
  return wrong(`${path} has no token that is valid now`, 'make one with `remediation-audit token`');
}

function judgeCertificate(
  { certificatePath }: NonNullable<Config['api']['tls']>,
  nowMs: () => number,
): () => Outcome {
  return () => {
    const { validToDate, validFromDate } = new X509Certificate(readFileSync(certificatePath));
    if (validToDate.getTime() <= nowMs())
      return wrong(`${certificatePath} expired at ${validToDate.toISOString()}`, 'renew the certificate');
    if (validFromDate.getTime() > nowMs())
      return wrong(
        `${certificatePath} is valid from ${validFromDate.toISOString()} on`,
        'check the clock, or take another certificate until then',
      );
    return ok(`valid until ${validToDate.toISOString()}`);
  };
}
