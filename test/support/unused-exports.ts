import { readdirSync } from 'node:fs';
import { join, posix, sep } from 'node:path';

import ts from 'typescript';

import { parsedSource } from './parsed-source.ts';

/** What may import from the packages; a name that only a test needs counts as used. */
const READERS = ['src', 'dev', 'packages', 'test', 'bench', 'scripts'] as const;

/** Temporal loads it by its path and takes what it exports by name. */
const LOADED_BY_PATH: readonly string[] = ['src/temporal/encoded-failures.ts'];

interface Module {
  readonly lines: number;
  readonly exported: readonly string[];
  /** Names by the module they come from; `*` for all of them. */
  readonly imported: readonly (readonly [path: string, name: string])[];
}

/**
 * Every name that a file below `folders` exports and no other file imports, one line each. What only its own file uses is
 * not exported: a reader then knows that changing it touches nothing else.
 */
export function findUnusedExports(root: string, folders: readonly string[]): string[] {
  const modules = new Map(READERS.flatMap((folder) => readFolder(root, folder)));
  const used = new Set<string>();
  for (const { imported } of modules.values())
    for (const [path, name] of imported) used.add(`${path}#${name}`);
  return [...modules]
    .filter(([path]) => folders.some((folder) => path.startsWith(`${folder}/`)))
    .filter(([path]) => !LOADED_BY_PATH.includes(path) && !used.has(`${path}#*`))
    .flatMap(([path, { exported }]) =>
      exported
        .filter((name) => !used.has(`${path}#${name}`))
        .map((name) => `${path} exports ${name}, which nothing imports`),
    );
}

/** By the path of the folder. */
const foldersRead = new Map<string, readonly (readonly [path: string, Module])[]>();

function readFolder(root: string, folder: string): readonly (readonly [path: string, Module])[] {
  const key = join(root, folder);
  const modules = foldersRead.get(key) ?? modulesOf(root, folder);
  foldersRead.set(key, modules);
  return modules;
}

function modulesOf(root: string, folder: string): [string, Module][] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.split(sep).join('/')}`)
    .filter((path) => path.endsWith('.ts') && !/\/(?:node_modules|dist)\/|\.d\.ts$/.test(path))
    .map((path) => [path, readModule(path, parsedSource(join(root, path)))]);
}

function readModule(path: string, source: ts.SourceFile): Module {
  const { text } = source;
  const imported: [string, string][] = [];
  const visit = (node: ts.Node): void => {
    for (const [specifier, name] of namesTaken(node))
      if (specifier.startsWith('.')) imported.push([posix.join(posix.dirname(path), specifier), name]);
    ts.forEachChild(node, visit);
  };
  visit(source);
  // `source('src/x.ts')` in the script of another process.
  for (const [, file = ''] of text.matchAll(/source\('([^']+\.ts)'\)/g)) imported.push([file, '*']);
  return { lines: text.split('\n').length - 1, exported: source.statements.flatMap(namesDeclared), imported };
}

type Taken = readonly [specifier: string, name: string];

function namesTaken(node: ts.Node): readonly Taken[] {
  if (ts.isImportDeclaration(node)) return namesBound(node.moduleSpecifier, node.importClause?.namedBindings);
  if (ts.isExportDeclaration(node)) return namesBound(node.moduleSpecifier, node.exportClause);
  // Which names are taken of these is not looked into: `import('./x.ts')`, and `import('./x.ts').T` in a type.
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return [[textOf(node.arguments[0]), '*']];
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return [[textOf(node.argument.literal), '*']];
  return [];
}

function namesBound(
  module: ts.Node | undefined,
  bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined,
): readonly Taken[] {
  const from = textOf(module);
  if (bindings === undefined || !('elements' in bindings)) return [[from, '*']];
  return bindings.elements.map(({ propertyName, name }) => [from, (propertyName ?? name).text]);
}

function textOf(node: ts.Node | undefined): string {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : '';
}

/** Names that a statement exports by a declaration of its own; `export … from` passes on what counts where it is declared. */
function namesDeclared(statement: ts.Statement): readonly string[] {
  const isExported =
    ts.canHaveModifiers(statement) &&
    ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
  if (!isExported) return [];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name) ? [name.text] : [],
    );
  const { name } = statement as ts.Statement & { name?: ts.Node };
  return name !== undefined && ts.isIdentifier(name) ? [name.text] : [];
}

/** Shorter than this a file is one more name to look up, unless several others need what is in it. */
const SHORT_LINES = 40;

/**
 * Files below `folders` of fewer lines than that which one other file imports, one line each. What nothing imports is where
 * a process or a bundle begins. Tests do not count: they import whatever they test.
 */
export function findShortFiles(root: string, folders: readonly string[]): string[] {
  const readers = READERS.filter((folder) => folder !== 'test').flatMap((folder) => readFolder(root, folder));
  const importers = new Map<string, Set<string>>();
  for (const [path, { imported }] of readers)
    for (const [target] of imported) {
      const known = importers.get(target) ?? new Set();
      importers.set(target, known.add(path));
    }
  return folders
    .flatMap((folder) => readFolder(root, folder))
    .filter(([path, { lines }]) => lines < SHORT_LINES && importers.get(path)?.size === 1)
    .map(
      ([path, { lines }]) =>
        `${path} has ${lines} lines, and only ${[...(importers.get(path) ?? [])].join()} imports it`,
    );
}
