import type { ParseArgsConfig } from 'node:util';

import { readFlags } from '../cli/arguments.ts';
import { UsageError } from '../config/settings.ts';
import type { UserEnvironment } from '../config/user-environment.ts';
import { parseLengthOfTime } from '../domain/length-of-time.ts';
import { COLOUR_CHOICES, type ColourChoice, OUTPUT_FORMATS, type OutputFormat } from './output/format.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/** A flag as it is parsed, explained and completed. */
export interface Flag {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** How its value is called in the help; absent for flags without one. */
  readonly value?: string;
  readonly meaning: string;
  /** Values that completion offers. */
  readonly words?: readonly string[];
  /** Whether completion offers files. */
  readonly isFile?: boolean;
}

export type Flags = Readonly<Record<string, Flag>>;

/** Those that every command that asks the service takes. */
export const COMMON_FLAGS = {
  server: { type: 'string', value: 'URL', meaning: 'Address of the API (REMEDIATION_AUDIT_SERVER)' },
  'token-file': {
    type: 'string',
    value: 'FILE',
    meaning: 'Bearer token instead of that of the kubeconfig (REMEDIATION_AUDIT_TOKEN_FILE)',
    isFile: true,
  },
  'certificate-authority': {
    type: 'string',
    value: 'FILE',
    meaning: 'PEM file trusted beside the system',
    isFile: true,
  },
  'insecure-http': { type: 'boolean', meaning: 'Send the token over http to another host than this one' },
  kubeconfig: {
    type: 'string',
    value: 'FILE',
    meaning: 'Kubeconfig; default KUBECONFIG, or ~/.kube/config',
    isFile: true,
  },
  context: { type: 'string', value: 'NAME', meaning: 'Context of the kubeconfig; default its current one' },
  namespace: {
    type: 'string',
    short: 'n',
    value: 'NAME',
    meaning: 'Only remediations of targets in this namespace; default that of the context',
  },
  'all-namespaces': { type: 'boolean', short: 'A', meaning: 'Remediations of targets in any namespace' },
  output: {
    type: 'string',
    short: 'o',
    value: 'FORMAT',
    meaning: OUTPUT_FORMATS.join(', '),
    words: OUTPUT_FORMATS,
  },
  utc: { type: 'boolean', meaning: 'Exact times instead of how long ago' },
  color: { type: 'string', value: 'WHEN', meaning: COLOUR_CHOICES.join(', '), words: COLOUR_CHOICES },
  'request-timeout': {
    type: 'string',
    value: 'TIME',
    meaning: 'How long to wait for an answer; default 60s',
  },
  help: { type: 'boolean', short: 'h', meaning: 'Show this' },
} as const satisfies Flags;

type FlagValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface CommandLine {
  readonly values: FlagValues;
  readonly positionals: readonly string[];
}

/** What the command line says, with the flags of the command and the common ones. Throws a UsageError. */
export function readCommandLine(args: readonly string[], own: Flags): CommandLine {
  const options = Object.fromEntries(
    Object.entries<Flag>({ ...COMMON_FLAGS, ...own }).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
    ]),
  );
  const { values, positionals } = readFlags(args, options as Options);
  return { values: values as FlagValues, positionals };
}

/** Text of a flag that is given once; an empty one counts as not given, as `--server "$UNSET"` means. */
export function textFlag({ values }: CommandLine, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function hasFlag({ values }: CommandLine, name: string): boolean {
  return values[name] === true;
}

/** Who is asked, and as whom. */
export interface ConnectionChoice {
  readonly server: string | undefined;
  readonly tokenFile: string | undefined;
  readonly certificateAuthority: string | undefined;
  readonly allowsInsecureHttp: boolean;
  readonly kubeconfig: string | undefined;
  /** Those that are read without it. */
  readonly defaultKubeconfigs: readonly string[];
  readonly context: string | undefined;
  /** Undefined for that of the context. */
  readonly namespace: string | undefined;
  readonly isInAllNamespaces: boolean;
  readonly timeoutMs: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

export function connectionChoice(line: CommandLine, environment: UserEnvironment): ConnectionChoice {
  const namespace = textFlag(line, 'namespace');
  const isInAllNamespaces = hasFlag(line, 'all-namespaces');
  if (namespace !== undefined && isInAllNamespaces)
    throw new UsageError('--namespace and --all-namespaces are mutually exclusive');
  const fromEnvironment = (text: string) => (text === '' ? undefined : text);
  return {
    server: textFlag(line, 'server') ?? fromEnvironment(environment.server),
    tokenFile: textFlag(line, 'token-file') ?? fromEnvironment(environment.tokenFile),
    certificateAuthority: textFlag(line, 'certificate-authority'),
    allowsInsecureHttp: hasFlag(line, 'insecure-http'),
    kubeconfig: textFlag(line, 'kubeconfig'),
    defaultKubeconfigs: environment.kubeconfigs,
    context: textFlag(line, 'context'),
    namespace,
    isInAllNamespaces,
    timeoutMs: timeoutOf(textFlag(line, 'request-timeout')),
  };
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  const milliseconds = Number((parseLengthOfTime(text) ?? 0n) / NANOSECONDS_PER_MILLISECOND);
  if (milliseconds < 1)
    throw new UsageError(`--request-timeout takes a length of time such as 90s or 5m, not ${text}`);
  return milliseconds;
}

export interface OutputChoice {
  readonly format: OutputFormat;
  readonly colour: ColourChoice;
  readonly isExact: boolean;
}

/** `formats` are those of the command: an event has no name, a summary no rows. */
export function outputChoice(line: CommandLine, formats: readonly OutputFormat[]): OutputChoice {
  const wanted = textFlag(line, 'output') ?? 'table';
  const format = formats.find((one) => one === wanted);
  if (format === undefined) throw new UsageError(`--output takes ${formats.join(', ')} here, not ${wanted}`);
  const when = textFlag(line, 'color') ?? 'auto';
  const colour = COLOUR_CHOICES.find((one) => one === when);
  if (colour === undefined) throw new UsageError(`--color takes ${COLOUR_CHOICES.join(', ')}, not ${when}`);
  return { format, colour, isExact: hasFlag(line, 'utc') };
}
