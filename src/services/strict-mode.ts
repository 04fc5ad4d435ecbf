import type { Config } from '../config.ts';
import { KUBERNAUT_KINDS } from '../kubernaut/kinds.ts';
import { SettingsError } from '../settings.ts';
import type { StrictMode } from '../watcher/start-watcher.ts';

const ALL = 'all';

/** What the watcher keeps in the cluster until Temporal has it; undefined when it only reads. */
export function strictModeOf({ watcher: { strict } }: Pick<Config, 'watcher'>): StrictMode | undefined {
  if (strict.kinds.length === 0) return undefined;
  const known = KUBERNAUT_KINDS.map(({ kind }) => kind);
  if (strict.kinds.includes(ALL)) return { ...strict, kinds: known };
  const unknown = strict.kinds.filter((kind) => !known.includes(kind));
  if (unknown.length === 0) return strict;
  throw new SettingsError([
    `REMEDIATION_AUDIT_STRICT_KINDS has ${unknown.join(', ')}; the kinds are ${known.join(', ')}, or \`${ALL}\``,
  ]);
}
