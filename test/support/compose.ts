import { readFileSync } from 'node:fs';

import { parse } from 'yaml';

import { repositoryPath } from './repository.ts';

export interface ComposeMount {
  /** A named volume, or a path: relative to the repository when it begins with a dot. */
  source: string;
  target: string;
  readOnly: boolean;
}

export interface ComposeService {
  image: string;
  build: { context: string; dockerfile: string } | undefined;
  /** Undefined: that of the image. */
  entrypoint: readonly string[] | undefined;
  command: readonly string[];
  restart: string;
  environment: Readonly<Record<string, string>>;
  mounts: readonly ComposeMount[];
  /** `127.0.0.1:8085:8085`. */
  ports: readonly string[];
  healthcheck: readonly string[] | undefined;
  dependsOn: Readonly<Record<string, { condition: string }>>;
  stopGraceSeconds: number;
  user: string | undefined;
  readOnlyRoot: boolean;
  tmpfs: readonly string[];
  securityOptions: readonly string[];
  capDrop: readonly string[];
}

interface RawService {
  image?: string;
  build?: { context: string; dockerfile: string } | undefined;
  entrypoint?: string[] | undefined;
  command?: string[];
  user?: string | undefined;
  restart?: string;
  environment?: Record<string, string | number>;
  volumes?: (string | { type: string; source: string; target: string; read_only?: boolean })[];
  ports?: string[];
  healthcheck?: { test: unknown[] | undefined };
  depends_on?: Record<string, { condition: string }>;
  stop_grace_period?: string;
  read_only?: boolean;
  tmpfs?: string[];
  security_opt?: string[];
  cap_drop?: string[];
}

/** The compose file with anchors merged and variables as they are when nobody sets any. */
export function readCompose(): {
  text: string;
  services: ReadonlyMap<string, ComposeService>;
  volumes: string[];
} {
  const text = readFileSync(repositoryPath('docker-compose.yml'), 'utf8');
  const file = parse(text, { merge: true, reviver: interpolateText }) as {
    services: Record<string, RawService>;
    volumes: Record<string, unknown>;
  };
  const services = Object.entries(file.services).map(
    ([name, raw]) => [name, readService(name, raw)] as const,
  );
  return { text, services: new Map(services), volumes: Object.keys(file.volumes) };
}

function interpolateText(_key: unknown, value: unknown): unknown {
  return typeof value === 'string' ? interpolate(value, {}) : value;
}

/** What compose takes for granted where the file says nothing. */
const UNSAID = {
  image: '',
  build: undefined,
  entrypoint: undefined,
  command: [],
  user: undefined,
  restart: 'no',
  environment: {},
  volumes: [],
  ports: [],
  healthcheck: { test: undefined },
  depends_on: {},
  stop_grace_period: '10s',
  read_only: false,
  tmpfs: [],
  security_opt: [],
  cap_drop: [],
} satisfies RawService;

function readService(name: string, raw: RawService): ComposeService {
  const said = { ...UNSAID, ...raw };
  const { test } = said.healthcheck;
  if (test?.some((word) => typeof word !== 'string')) {
    throw new Error(`service ${name}: a word of the healthcheck is no text to YAML; quote it`);
  }
  return {
    image: said.image,
    build: said.build,
    entrypoint: said.entrypoint,
    command: said.command,
    user: said.user,
    restart: said.restart,
    environment: Object.fromEntries(
      Object.entries(said.environment).map(([key, value]) => [key, String(value)]),
    ),
    mounts: said.volumes.map(readMount),
    ports: said.ports,
    healthcheck: test as string[] | undefined,
    dependsOn: said.depends_on,
    stopGraceSeconds: secondsOf(said.stop_grace_period),
    readOnlyRoot: said.read_only,
    tmpfs: said.tmpfs,
    securityOptions: said.security_opt,
    capDrop: said.cap_drop,
  };
}

function readMount(volume: NonNullable<RawService['volumes']>[number]): ComposeMount {
  if (typeof volume !== 'string') {
    return { source: volume.source, target: volume.target, readOnly: volume.read_only ?? false };
  }
  const [source = '', target = '', mode] = volume.split(':');
  return { source, target, readOnly: mode === 'ro' };
}

function secondsOf(duration: string): number {
  const [, seconds] = /^([0-9]+)s$/.exec(duration) ?? [];
  if (seconds === undefined) throw new Error(`write the duration ${duration} in seconds`);
  return Number(seconds);
}

/** `${NAME}` and `${NAME:-default}`, also within each other, as compose does it. Another form is an error. */
export function interpolate(text: string, environment: Readonly<Record<string, string>>): string {
  let result = text;
  // The innermost first: a default may itself hold a variable.
  for (let found = INNERMOST.exec(result); found !== null; found = INNERMOST.exec(result)) {
    const [whole, name = '', withDefault, fallback = ''] = found;
    const value = environment[name] ?? '';
    const resolved = value === '' && withDefault !== undefined ? fallback : value;
    result = result.slice(0, found.index) + resolved + result.slice(found.index + whole.length);
  }
  if (result.includes('$')) throw new Error(`this parser does not know the variable in ${text}`);
  return result;
}

const INNERMOST = /\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^${}]*))?\}/;
