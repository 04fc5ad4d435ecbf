import { readProcessConfig } from '../config/config.ts';
import { UsageError } from '../config/settings.ts';
import type { Finding } from '../doctor/check.ts';
import { examine } from '../doctor/examine.ts';
import { createLogger } from '../observability/logger.ts';
import { jsonDocument } from '../terminal/json-document.ts';
import { readFlags } from './arguments.ts';
import { findingsText } from './doctor-text.ts';
import { operatorView, withOperatorProgress } from './operator-view.ts';

const USAGE = `usage: remediation-audit doctor [-o table|json]

Checks everything that this configuration depends on: PostgreSQL, its roles, schema, months and clock; Temporal, its
namespace, search attributes, schedules and workers; each cluster with its kinds and rights; the archive; the files with
keys. Each line says what was found, and where it is wrong, what to do. Nothing is changed, but for one object that is
put into the archive and removed again. Exit code 0: nothing is wrong; 1: something is; 3: the configuration is.

  -o, --output  table or json (default: table)
  --json        the same as -o json
`;

const FLAGS = {
  output: { type: 'string', short: 'o' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** `doctor`: one line per check on standard output. Rejects, for exit code 1, where something is wrong. */
export async function runDoctor(args: readonly string[], stop: AbortSignal): Promise<void> {
  const { values, positionals } = readFlags(args, FLAGS);
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  const form = values.json === true ? 'json' : (values.output ?? 'table');
  if (positionals.length > 0 || (form !== 'table' && form !== 'json'))
    throw new UsageError(USAGE.split('\n', 1)[0] ?? '');
  const config = readProcessConfig(({ database: { url, readerUrl, ownerUrl } }) =>
    [url, readerUrl, ownerUrl].every((one) => one === '')
      ? ['DATABASE_URL is not set, nor DATABASE_READER_URL or DATABASE_OWNER_URL; `doctor` checks PostgreSQL']
      : [],
  );
  // What a connection logs when it fails is in the findings.
  const findings = await withOperatorProgress('checking', () =>
    examine(config, { logger: createLogger('silent', 'doctor'), signal: stop }),
  );
  stop.throwIfAborted();
  process.stdout.write(form === 'json' ? jsonOf(findings) : findingsText(findings, operatorView()));
  const count = findings.filter(({ state }) => state === 'wrong').length;
  if (count > 0) throw new Error(`${count} of ${findings.length} checks found something wrong`);
}

function jsonOf(findings: readonly Finding[]): string {
  const checks = findings.map(({ check, state, found, remedy = null }) => ({ check, state, found, remedy }));
  return jsonDocument('DoctorReport', JSON.stringify({ checks }));
}
