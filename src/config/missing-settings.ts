import type { Logger } from '../observability/logger.ts';
import type { Config } from './config.ts';
import type { ProcessName, VariableName } from './process-variables.ts';

/** A setting that a process should have, and what is lost without it. */
interface Need {
  readonly variable: VariableName;
  readonly isSet: (config: Config) => boolean;
  /** Ends the sentence "VARIABLE is not set: …". Undefined: the process refuses to start without it. */
  readonly without: string | undefined;
}

interface MissingSetting {
  readonly variable: VariableName;
  /** True where the process refuses to start; false where it does less. */
  readonly isRequired: boolean;
  /** One sentence for the log. */
  readonly sentence: string;
}

const need = (variable: VariableName, isSet: Need['isSet'], without?: string): Need => ({
  variable,
  isSet,
  without,
});

const hasDatabase = ({ database }: Config): boolean => database.url !== '';
const records = ({ worker }: Config): boolean => worker.queues !== 'maintenance';
const maintains = ({ worker }: Config): boolean => worker.queues !== 'recording';
const hasReader = ({ database }: Config): boolean => database.readerUrl !== '';
const hasOwner = ({ database }: Config): boolean => database.ownerUrl !== '';
const hasArchive = ({ retention }: Config): boolean => retention.archive.url !== '';
/** A pod has its service account instead of a kubeconfig. */
const hasCluster = ({ kubernetes }: Config): boolean => kubernetes.kubeconfig !== '' || kubernetes.inCluster;
/** An address may also come from the profile file. */
const hasTemporal = ({ temporal }: Config): boolean => temporal.connectionOptions.address !== undefined;
const NO_RETENTION = 'retention is off, nothing is archived and nothing is dropped';
const LOCAL_TEMPORAL = 'Temporal is expected at localhost:7233';

/** What each process needs to do all of its work: the table of docs/configuration.md, and what is logged at start. */
export const NEEDS: Readonly<Record<ProcessName, readonly Need[]>> = {
  migrate: [need('DATABASE_OWNER_URL', hasOwner)],
  watch: [
    need('KUBECONFIG', hasCluster),
    need('TEMPORAL_ADDRESS', hasTemporal, LOCAL_TEMPORAL),
    need(
      'DATABASE_URL',
      hasDatabase,
      'what Temporal lost is not sent again, deletions while no watcher ran are not noticed, and completeness does not know what is recorded',
    ),
  ],
  // A worker that does one of the two lacks nothing of the other.
  work: [
    need('DATABASE_URL', (config) => !records(config) || hasDatabase(config)),
    need('TEMPORAL_ADDRESS', hasTemporal, LOCAL_TEMPORAL),
    need('DATABASE_OWNER_URL', (config) => !maintains(config) || hasOwner(config), NO_RETENTION),
    need('REMEDIATION_AUDIT_ARCHIVE_URL', (config) => !maintains(config) || hasArchive(config), NO_RETENTION),
  ],
  serve: [
    need('DATABASE_URL', hasDatabase),
    need('DATABASE_READER_URL', hasReader),
    need(
      'TEMPORAL_ADDRESS',
      hasTemporal,
      'unless Temporal answers at localhost:7233, no post is taken while the database is away, no restore from the archive, and no embedding of posted analyses',
    ),
    need('REMEDIATION_AUDIT_ARCHIVE_URL', hasArchive, 'archived months are neither searched nor restored'),
  ],
};

/**
 * What a process lacks, in the order of NEEDS. Required settings are among them; their refusal is
 * service-checks.ts.
 */
export function missingSettings(process: ProcessName, config: Config): readonly MissingSetting[] {
  return NEEDS[process]
    .filter(({ isSet }) => !isSet(config))
    .map(({ variable, without }) => ({
      variable,
      isRequired: without === undefined,
      sentence: `${variable} is not set: ${without ?? `\`${process}\` does not start`}`,
    }));
}

/** At start, because nothing else says it before it is missed: a refusal to start names its variable by itself. */
export function logMissingSettings(process: ProcessName, config: Config, logger: Logger): void {
  for (const { variable, isRequired, sentence } of missingSettings(process, config))
    if (!isRequired) logger.warn({ variable }, sentence);
}
