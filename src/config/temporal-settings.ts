import { readFileSync } from 'node:fs';

import { loadClientConnectConfig } from '@temporalio/envconfig';

import { reasonOf } from '../domain/errors.ts';
import type { SettingsReader } from './settings.ts';
import { VARIABLES } from './variables.ts';

type Reader = SettingsReader<keyof typeof VARIABLES>;
type Environment = Readonly<Record<string, string | undefined>>;

const MOST_PORT = 65_535;
/**
 * Files that the SDK reads by itself. They are tried here first, so that a missing one is named with its
 * variable.
 */
const FILES = [
  'TEMPORAL_TLS_CLIENT_CERT_PATH',
  'TEMPORAL_TLS_CLIENT_KEY_PATH',
  'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
] as const;

/**
 * The connection to Temporal, from Temporal's own variables and, where one is named, its profile file. What
 * is wrong goes to the reader as a problem; the answer must not be used then.
 */
export function readTemporal(read: Reader, environment: Environment) {
  const before = read.problems().length;
  for (const name of FILES) read.file(name, () => undefined);
  // The SDK takes every other word for "no", and would send a key in the clear.
  if (read.text('TEMPORAL_TLS') !== '') read.oneOf('TEMPORAL_TLS', ['true', 'false', '1', '0']);
  const loaded = read.problems().length === before ? load(read, environment) : undefined;
  const { connectionOptions = {}, namespace = VARIABLES.TEMPORAL_NAMESPACE.default } = loaded ?? {};
  const address = connectionOptions.address ?? read.text('TEMPORAL_ADDRESS');
  if (!isAddress(address))
    read.complain(
      `${nameOfAddress(environment)} must be host:port such as temporal.example.com:7233, not ${JSON.stringify(address)}`,
    );
  return { connectionOptions, namespace };
}

function load(read: Reader, environment: Environment) {
  // An empty variable counts as not set, as everywhere in this room; the SDK would take it for a value.
  const overrideEnvVars = Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => (entry[1] ?? '') !== ''),
  );
  // A profile file decides only when it is named: in a container a stray file in a home directory must not.
  const file = overrideEnvVars['TEMPORAL_CONFIG_FILE'];
  try {
    // Read here, because the SDK takes a file that is not there for an empty one and connects to localhost.
    const source =
      file === undefined ? { disableFile: true } : { configSource: { data: readFileSync(file, 'utf8') } };
    return loadClientConnectConfig({ ...source, overrideEnvVars });
  } catch (error: unknown) {
    const reason = reasonOf(error);
    read.complain(
      file === undefined
        ? `TEMPORAL_ADDRESS and the other variables of Temporal cannot be used: ${reason}`
        : `TEMPORAL_CONFIG_FILE names ${file}, which cannot be used: ${reason}`,
    );
    return undefined;
  }
}

/** Whoever reads the message has to change the address where it was written. */
function nameOfAddress(environment: Environment): string {
  if ((environment['TEMPORAL_ADDRESS'] ?? '') !== '') return 'TEMPORAL_ADDRESS';
  return `TEMPORAL_CONFIG_FILE names ${environment['TEMPORAL_CONFIG_FILE'] ?? ''}, whose address`;
}

/** A name or an IP address, the port left out or not. */
function isAddress(text: string): boolean {
  const match = /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?$/i.exec(text);
  return match !== null && Number(match.groups?.['port'] ?? 0) <= MOST_PORT;
}
