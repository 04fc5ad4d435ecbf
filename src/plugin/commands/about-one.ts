import type { PluginCommand } from '../command.ts';
import type { ApiClient, QueryValues } from '../connection/api-client.ts';
import type { Connected } from '../connection/connect.ts';
import { type CommandLine, type Flags, hasFlag, textFlag } from '../flags.ts';
import type { CommandAnswer } from '../output/format.ts';
import { findAddress, readAddress, type RemediationAddress } from './address.ts';

/* What every command about one remediation takes, and how it finds the one that is meant. */

export const TAKES_ONE = 'NAME | NAMESPACE/NAME | CLUSTER/NAMESPACE/NAME';

export const FLAGS_OF_ONE: Flags = {
  uid: { type: 'string', value: 'UID', meaning: 'Another one than the newest of that name' },
  archive: { type: 'boolean', meaning: 'Look in the archive for others of its name, too' },
};

export interface Asked {
  readonly client: ApiClient;
  readonly address: RemediationAddress;
  readonly query: QueryValues;
}

/** Reads which one is meant, and throws a UsageError where that is not said. What it gives finds it. */
export function readOne(name: string, line: CommandLine): (connected: Connected) => Promise<Asked> {
  const wanted = readAddress(name, line.positionals);
  const query = {
    uid: textFlag(line, 'uid'),
    include_archive: hasFlag(line, 'archive') ? 'true' : undefined,
  };
  return async ({ client, namespace }) => {
    const address = await findAddress(client, wanted, targetNamespace(line, namespace));
    return { client, address, query };
  };
}

export function aboutOne(
  name: string,
  command: Pick<PluginCommand, 'summary' | 'formats' | 'examples'>,
  answer: (asked: Asked) => Promise<CommandAnswer>,
): PluginCommand {
  return {
    ...command,
    takes: TAKES_ONE,
    flags: FLAGS_OF_ONE,
    prepare(line) {
      const find = readOne(name, line);
      return async (connected) => answer(await find(connected));
    },
  };
}

/** A name says enough: only a namespace that was typed narrows it down, and not that of the context. */
function targetNamespace(line: CommandLine, namespace: string | undefined): string | undefined {
  return textFlag(line, 'namespace') === undefined ? undefined : namespace;
}
