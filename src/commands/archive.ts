import { parseArgs } from 'node:util';

import { verifyArchive } from '../archive/verify-archive.ts';
import { describeFault } from '../archive/verify-part.ts';
import { readProcessConfig } from '../config.ts';
import { openArchive } from '../services/open-archive.ts';
import { UsageError } from '../settings.ts';
import { readMonth } from './month-argument.ts';

const USAGE = `usage: remediation-audit archive verify [YYYY-MM | --all]

  verify        download what the manifests name and hold it against them: signatures, the chain of manifests, size and hash
                of each file, number and hash of its rows, each row. Without a month, or with --all, everything.

Ends with 1 when anything is wrong, and names the file, the row group and the row.
`;

/** The archive is not what it should be; every fault is on standard output already. */
export class ArchiveFaultsError extends Error {
  constructor(count: number) {
    super(`${count === 1 ? 'one fault' : `${count} faults`} in the archive: restore the files from a copy`);
    this.name = 'ArchiveFaultsError';
  }
}

/** `archive`: what lies in the store. */
export async function runArchive(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const [verb, month, ...more] = positionals;
  if (verb === undefined || values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  if (verb !== 'verify' || more.length > 0 || (values.all === true && month !== undefined))
    throw new UsageError(`\`archive ${args.join(' ')}\` means nothing; ${USAGE.split('\n', 1)[0] ?? ''}`);
  await verify(month === undefined ? undefined : readMonth(month));
}

async function verify(month: string | undefined): Promise<void> {
  const { retention } = readProcessConfig();
  const { store, trusted } = await openArchive(retention);
  const report = await verifyArchive({
    store,
    trusted,
    workFolder: retention.archive.workFolder,
    ...(month === undefined ? {} : { month }),
    onPart: (key) => process.stderr.write(`${key}\n`),
  });
  for (const fault of report.faults) process.stdout.write(`${describeFault(fault)}\n`);
  const { manifests, months, parts, rows } = report;
  process.stdout.write(
    `${store.location}: ${manifests} manifests, ${months} months, ${parts} parts, ${rows} rows, ${report.faults.length} faults\n`,
  );
  if (report.faults.length > 0) throw new ArchiveFaultsError(report.faults.length);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { all: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
  } catch (error: unknown) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
