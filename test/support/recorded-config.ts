import { join } from 'node:path';

import type { Config } from '../../src/config/config.ts';
import { readConfig } from '../../src/config/config.ts';
import type { VariableName } from '../../src/config/process-variables.ts';
import { USER_VARIABLES } from '../../src/config/user-environment.ts';
import { VARIABLES } from '../../src/config/variables.ts';

export interface RecordedConfig {
  readonly config: Config;
  /** The variables behind every value that was read so far. */
  variablesRead(): ReadonlySet<VariableName>;
}

let knownPaths: ReadonlyMap<VariableName, string> | undefined;

/** Parts that are passed on as they are, to a library or as one typed object: reading one counts as reading all of it. */
const PASSED_ON = new Set(['temporal', 'redaction', 'watcher.timing']);

/** The same configuration, which remembers what is read of it. */
export function recordReads(config: Config): RecordedConfig {
  knownPaths ??= variablesByPath();
  const variables = knownPaths;
  const read = new Set<string>();
  // A copy: a proxy may give no proxies for members of a frozen object.
  const copy = structuredClone(config);
  return {
    config: observed(copy, '', (path) => read.add(path)),
    variablesRead: () => {
      const isRead = (path: string): boolean =>
        read.has(path) || [...PASSED_ON].some((part) => path.startsWith(`${part}.`) && read.has(part));
      return new Set([...variables].filter(([, path]) => isRead(path)).map(([name]) => name));
    },
  };
}

function observed<T extends object>(target: T, prefix: string, onRead: (path: string) => void): T {
  return new Proxy(target, {
    get: (object, key, receiver): unknown => {
      const value: unknown = Reflect.get(object, key, receiver);
      if (typeof key === 'symbol') return value;
      const path = prefix === '' ? key : `${prefix}.${key}`;
      const isPart = typeof value === 'object' && value !== null && !Array.isArray(value);
      if (isPart && !PASSED_ON.has(path)) return observed(value, path, onRead);
      onRead(path);
      return value;
    },
  });
}

/** Two variables that are refused without each other. */
const WITH: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  REMEDIATION_AUDIT_API_TLS_CERT_PATH: { REMEDIATION_AUDIT_API_TLS_KEY_PATH: 'k' },
  REMEDIATION_AUDIT_API_TLS_KEY_PATH: { REMEDIATION_AUDIT_API_TLS_CERT_PATH: 'c' },
  REMEDIATION_AUDIT_WORKER_DEPLOYMENT: { REMEDIATION_AUDIT_WORKER_BUILD_ID: 'b' },
  REMEDIATION_AUDIT_WORKER_BUILD_ID: { REMEDIATION_AUDIT_WORKER_DEPLOYMENT: 'd' },
};

/** These decide how a file is read, not a value of their own: they belong to the part that they fill. */
const FILES: Readonly<Partial<Record<VariableName, string>>> = {
  REMEDIATION_AUDIT_REDACTION_FILE: 'redaction',
};

/** Where the value of each variable is in the configuration: found by setting it to another value. */
function variablesByPath(): ReadonlyMap<VariableName, string> {
  // Those of `kubectl remediation` are no part of what a service is configured with.
  const names = (Object.keys(VARIABLES) as VariableName[]).filter(
    (name) => !Object.hasOwn(USER_VARIABLES, name),
  );
  return new Map(names.map((name) => [name, pathOf(name)]));
}

function pathOf(name: VariableName): string {
  if (name.startsWith('TEMPORAL_') || name.startsWith('REMEDIATION_AUDIT_PAYLOAD_')) return 'temporal';
  const file = FILES[name];
  if (file !== undefined) return file;
  for (const value of valuesFor(VARIABLES[name].default)) {
    const path = firstDifference(name, value);
    if (path !== undefined) return path;
  }
  throw new Error(`no value of ${name} changes the configuration: add one to ${join('test', 'support')}`);
}

function valuesFor(byDefault: string): readonly string[] {
  const near = /^\d+$/.test(byDefault) ? [String(Number(byDefault) + 1), String(Number(byDefault) - 1)] : [];
  const words = [
    'other',
    'true',
    'token',
    'GOVERNANCE',
    'AES256',
    'when_required',
    'recording',
    'debug',
    '201',
    '7',
  ];
  const urls = ['https://other.example.com', 's3://other/bucket', 'postgres://other@db/x'];
  return [...near, ...words, ...urls, 'name=context', '1 1 * * *', 'RemediationRequest'];
}

function firstDifference(name: VariableName, value: string): string | undefined {
  const beside = { REMEDIATION_AUDIT_API_TOKENS_FILE: 'tokens', ...WITH[name] };
  const before = { ...beside, ...Object.fromEntries(Object.keys(WITH[name] ?? {}).map((key) => [key, ''])) };
  try {
    return differenceOf(readConfig(before), readConfig({ ...beside, [name]: value }), '');
  } catch {
    // Not a value of this variable: the next one may be.
    return undefined;
  }
}

function differenceOf(one: unknown, other: unknown, prefix: string): string | undefined {
  if (Object.is(one, other)) return undefined;
  const isPart = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isPart(one) || !isPart(other))
    return JSON.stringify(one) === JSON.stringify(other) ? undefined : prefix;
  for (const [key, value] of Object.entries(one)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    const found = differenceOf(value, (other as Record<string, unknown>)[key], path);
    if (found !== undefined) return found;
  }
  return undefined;
}
