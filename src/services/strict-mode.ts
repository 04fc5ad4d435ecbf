import type { Config } from '../config/config.ts';
import { KUBERNAUT_KINDS } from '../kubernaut/kinds.ts';
import type { StrictMode } from '../watcher/start-watcher.ts';

const ALL = 'all';
const KNOWN: readonly string[] = KUBERNAUT_KINDS.map(({ kind }) => kind);

/** What the watcher keeps in the cluster until Temporal has it; undefined when it only reads. */
export function strictModeOf({ watcher: { strict } }: Pick<Config, 'watcher'>): StrictMode | undefined {
  if (strict.kinds.length === 0) return undefined;
  return strict.kinds.includes(ALL) ? { ...strict, kinds: KNOWN } : strict;
}

export function strictKindProblems({ watcher: { strict } }: Pick<Config, 'watcher'>): readonly string[] {
  const unknown = strict.kinds.filter((kind) => kind !== ALL && !KNOWN.includes(kind));
  if (unknown.length === 0) return [];
  return [
    `REMEDIATION_AUDIT_STRICT_KINDS has ${unknown.join(', ')}; the kinds are ${KNOWN.join(', ')}, or \`${ALL}\``,
  ];
}
