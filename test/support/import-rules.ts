import { readdirSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';

import ts from 'typescript';

import { parsedSource } from './parsed-source.ts';

/** What one room of `src/` may import. Paths are relative to `src/`; a folder stands for everything in it. */
export interface Rule {
  /** Other rooms, single files, or `*` for all. The room itself and the types of `config/config.ts` are always allowed. */
  rooms: readonly string[];
  /** Node's own modules: any, or none because the code also runs inside a workflow or must stay pure. */
  node: boolean;
  /** npm packages: any, or only the listed ones. */
  packages: readonly string[] | 'any';
  /** Rooms that may be imported as types only. */
  typesOnly?: readonly string[];
  /** Folders outside the tree, which become part of what is built. */
  bundled?: readonly string[];
}

const service = (rooms: readonly string[]): Rule => ({ rooms, node: true, packages: 'any' });
const CONFIG = 'config/config.ts';
/** Also read by what has no service to configure; kept apart because `config.ts` loads what a service needs. */
const USER_ENVIRONMENT = 'config/user-environment.ts';
const MESSAGES = 'workflows/messages.ts';

/** The import table of the architecture. Everything not listed is forbidden. */
export const IMPORT_RULES: Readonly<Record<string, Rule>> = {
  domain: { rooms: [], node: false, packages: [] },
  redaction: { rooms: ['domain'], node: false, packages: [] },
  identity: service(['domain']),
  kubernaut: { rooms: ['domain'], node: false, packages: [] },
  observability: service(['domain']),
  kubernetes: service(['domain']),
  embedding: service(['domain', 'redaction']),
  terminal: { rooms: ['domain'], node: false, packages: [] },
  workflows: {
    rooms: ['domain'],
    node: false,
    packages: ['@temporalio/workflow', '@temporalio/common'],
    typesOnly: ['activities'],
  },
  database: service(['domain', 'identity', 'observability']),
  archive: service(['domain', 'identity', 'observability', 'database']),
  temporal: service(['domain', 'identity', 'observability', MESSAGES]),
  query: service(['domain', 'terminal', 'database', 'archive', 'embedding']),
  activities: service([
    ...['domain', 'redaction', 'identity', 'database', 'archive', 'embedding', 'observability'],
  ]),
  worker: service(['activities', 'temporal', 'observability', 'domain']),
  watcher: service([
    'domain',
    'redaction',
    'identity',
    'kubernaut',
    'kubernetes',
    'temporal',
    MESSAGES,
    'observability',
  ]),
  api: service([
    'domain',
    'redaction',
    'identity',
    'database',
    'query',
    'archive',
    'embedding',
    'kubernetes',
    'temporal',
    MESSAGES,
    'observability',
  ]),
  // HTML of the API's answers.
  page: service(['domain', 'terminal', 'database', 'query', 'api']),
  // What users install: it starts at once, and knows the service by its answers alone.
  plugin: service([
    ...[
      'domain',
      'terminal',
      'query/remediation/facts.ts',
      'query/remediation/text.ts',
      'query/remediation/labelled-lines.ts',
      'query/remediation/why-text.ts',
      'cli/arguments.ts',
      'cli/exit-codes.ts',
    ],
    ...['config/settings.ts', USER_ENVIRONMENT],
  ]),
  'kubectl-remediation.ts': service(['plugin']),
  'main.ts': service(['cli']),
  services: service(['*']),
  doctor: service([
    ...['domain', 'database', 'temporal', 'kubernaut', 'kubernetes', 'watcher', 'archive', 'api', 'services'],
    'observability',
  ]),
  cli: service(['*']),
  // Only these know the environment; the rest of the product is given values.
  config: service(['domain', 'redaction', 'observability']),
};

/**
 * The client is installed alone: nothing but Node, and prom-client for those who have it. The one file that redacts also imports the
 * rules of the service, pure code that the build puts into it.
 */
export const CLIENT_RULES: Readonly<Record<string, Rule>> = {
  '*': { rooms: ['*'], node: true, packages: ['prom-client'] },
  'redact-record.ts': {
    rooms: ['*'],
    node: false,
    packages: [],
    bundled: ['../../../src/redaction/', '../../../src/domain/'],
  },
};

interface Import {
  specifier: string;
  typeOnly: boolean;
}

interface SourceFile {
  path: string;
  room: string;
  imports: readonly Import[];
  readsEnvironment: boolean;
}

/** Everything the tree under `sourceRoot` does that the table forbids, one readable line each. */
export function findViolations(sourceRoot: string, rules = IMPORT_RULES): string[] {
  const files = new Map(readTree(sourceRoot).map((file) => [file.path, file]));
  return [
    ...[...files.values()].flatMap((file) =>
      file.imports.flatMap((found) => judgeImport(file, found, { files, rules })),
    ),
    ...[...files.values()]
      .filter((file) => file.readsEnvironment && ![CONFIG, USER_ENVIRONMENT].includes(file.path))
      .map(environmentLine),
    ...findCycles(files),
    ...findNodeInWorkflows(files),
  ];
}

/** Cycles among the files of a tree that has no import table. */
export function findImportCycles(sourceRoot: string): string[] {
  return findCycles(new Map(readTree(sourceRoot).map((file) => [file.path, file])));
}

function environmentLine(file: SourceFile): string {
  return `${file.path} reads process.env; only ${CONFIG} may`;
}

interface Tree {
  readonly files: ReadonlyMap<string, SourceFile>;
  readonly rules: Readonly<Record<string, Rule>>;
}

function judgeImport(file: SourceFile, found: Import, { files, rules }: Tree): string[] {
  const rule = rules[file.room] ?? rules['*'];
  if (rule === undefined) return [`${file.path} stands in no room of the import table`];
  const { specifier } = found;
  if (!specifier.startsWith('.')) return judgePackage(file, specifier, rule);
  if (rule.bundled?.some((folder) => specifier.startsWith(folder)) === true) return [];
  const target = resolveImport(file.path, specifier);
  const targetFile = files.get(target);
  if (targetFile === undefined)
    return target.endsWith('.json')
      ? []
      : [`${file.path} imports ${specifier}, which is not in this package`];
  if (isRoomAllowed(file, targetFile, found, rule)) return [];
  return [`${file.path} imports ${found.typeOnly ? 'types of ' : ''}${target}, which ${file.room} may not`];
}

function judgePackage(file: SourceFile, specifier: string, rule: Rule): string[] {
  if (isNodeModule(specifier)) {
    return rule.node ? [] : [`${file.path} imports ${specifier}; ${file.room} must not touch Node`];
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (rule.packages === 'any' || rule.packages.includes(name)) return [];
  return [`${file.path} imports package ${name}, which ${file.room} may not`];
}

function isRoomAllowed(file: SourceFile, target: SourceFile, found: Import, rule: Rule): boolean {
  if (target.room === file.room || rule.rooms.includes('*')) return true;
  if (rule.rooms.includes(target.room) || rule.rooms.includes(target.path)) return true;
  // Configuration is passed down as values; what is passed has a type, and it is written once.
  if (target.path === CONFIG) return found.typeOnly;
  return found.typeOnly && (rule.typesOnly ?? []).includes(target.room);
}

/** Cycles, also those that only types close: whoever reads one file of them has to read all. */
function findCycles(files: ReadonlyMap<string, SourceFile>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      cycles.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of targets(path, files)) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of files.keys()) visit(path, []);
  return cycles;
}

/** The bundler refuses Node's modules only at the end of a build and without saying who imported them. */
function findNodeInWorkflows(files: ReadonlyMap<string, SourceFile>): string[] {
  const reached = new Set<string>();
  const queue = [...files.keys()].filter((path) => path.startsWith('workflows/'));
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    queue.push(...targets(path, files, ({ typeOnly }) => !typeOnly));
  }
  return [...reached].flatMap((path) =>
    (files.get(path)?.imports ?? [])
      .filter((found) => !found.typeOnly && isNodeModule(found.specifier))
      .map((found) => `${path} imports ${found.specifier} and is reachable from workflows/`),
  );
}

function targets(
  path: string,
  files: ReadonlyMap<string, SourceFile>,
  isWanted: (found: Import) => boolean = () => true,
): string[] {
  return (files.get(path)?.imports ?? [])
    .filter((found) => isWanted(found) && found.specifier.startsWith('.'))
    .map((found) => resolveImport(path, found.specifier))
    .filter((target) => files.has(target));
}

function resolveImport(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier));
}

function isNodeModule(specifier: string): boolean {
  return specifier.startsWith('node:') || NODE_MODULES.has(specifier.split('/')[0] ?? specifier);
}

const NODE_MODULES = new Set([
  'fs',
  'path',
  'os',
  'crypto',
  'child_process',
  'http',
  'https',
  'net',
  'url',
  'util',
  'stream',
  'zlib',
  'events',
  'process',
  'buffer',
  'worker_threads',
  'tls',
  'dns',
  'assert',
  'timers',
  'perf_hooks',
]);

function readTree(sourceRoot: string): SourceFile[] {
  return readdirSync(sourceRoot, { recursive: true, encoding: 'utf8' })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => readSource(sourceRoot, path));
}

function readSource(sourceRoot: string, path: string): SourceFile {
  const source = parsedSource(join(sourceRoot, path));
  const imports: Import[] = [];
  let readsEnvironment = false;
  const walk = (node: ts.Node): void => {
    const found = asImport(node);
    if (found) imports.push(found);
    if (readsProcessEnvironment(node, source)) readsEnvironment = true;
    ts.forEachChild(node, walk);
  };
  walk(source);
  const room = path.includes('/') ? (path.split('/')[0] ?? path) : path;
  return { path: relative('.', path).split(sep).join('/'), room, imports, readsEnvironment };
}

/** `process.env`, `process['env']`, `const { env } = process` and `import { env } from 'node:process'`. */
function readsProcessEnvironment(node: ts.Node, source: ts.SourceFile): boolean {
  if (ts.isPropertyAccessExpression(node))
    return node.name.text === 'env' && node.getText(source).endsWith('process.env');
  if (ts.isElementAccessExpression(node)) return /process\[.env.\]$/.test(node.getText(source));
  if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name))
    return /^\{.*\benv\b.*\}\s*=\s*process$/s.test(node.getText(source));
  if (ts.isImportDeclaration(node)) return /\benv\b.*from 'node:process'/s.test(node.getText(source));
  return false;
}

function asImport(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node)) return from(node.moduleSpecifier, isTypeOnlyClause(node.importClause));
  if (ts.isExportDeclaration(node)) return from(node.moduleSpecifier, node.isTypeOnly);
  // `import('./x.ts').T` in a type, and `import('./x.ts')` at run time.
  if (ts.isImportTypeNode(node))
    return from(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return from(node.arguments[0], false);
  return undefined;
}

function from(specifier: ts.Node | undefined, typeOnly: boolean): Import | undefined {
  return specifier !== undefined && ts.isStringLiteral(specifier)
    ? { specifier: specifier.text, typeOnly }
    : undefined;
}

function isTypeOnlyClause(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  if (clause.name !== undefined || bindings === undefined || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly);
}
