import { isStorableNumber } from '../domain/bounds.ts';
import type { ColumnType } from '../domain/column-types.ts';
import { columnType } from '../domain/column-types.ts';
import { fitsIn } from '../domain/decimal.ts';
import { isZeroTime } from '../domain/instant.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { MAX_IDENTIFIER_LENGTH } from '../domain/limits.ts';
import type { Column, ColumnsOf, RecordDefinition } from '../domain/records/definition.ts';
import { columnsByName } from '../domain/records/definition.ts';
import { spellingOf } from '../domain/spelling.ts';
import type { KnownShape } from './resource.ts';

/**
 * Paths by generation, newest first: the first that carries a value is read, whatever shape the object has as a whole.
 * The order of the keys is the order of reading, so the newest generation is written first.
 */
export type Paths = Readonly<Partial<Record<KnownShape, string | readonly string[]>>>;

/** Where a column comes from. Reading, documentation and the list of understood fields all follow from it. */
export interface ColumnSource {
  /** Empty where no path says it and `derive` or the watcher does. */
  readonly paths: Paths;
  /**
   * Derives the value from the resource where a path alone does not, in the column's travelling form (see `Columns`).
   * `found` is what the first path that carries a value has. Default: the value at the path, by the type of the column.
   */
  readonly derive?: (found: JsonValue | undefined, resource: JsonObject) => string | boolean | undefined;
  /** In one sentence what `derive` does, for the documentation. */
  readonly how?: string;
}

/** No field of a resource says it: the watcher does, when it sees the deletion. */
export const DELETED_AT: ColumnSource = {
  paths: {},
  how: 'the watcher: when it was deleted, or found to be gone',
};

/** Sources of the columns of one table, and of members of its `extra`, which keep their JSON as it is. */
export interface Sources<D extends RecordDefinition> {
  readonly columns: Readonly<Partial<Record<keyof ColumnsOf<D> & string, ColumnSource>>>;
  readonly extra?: Readonly<Record<string, Paths>>;
}

interface ColumnsRead {
  /** By name, in travelling form. A column without a value is absent, never null: absence never erases in a fold. */
  readonly columns: Readonly<Record<string, string | boolean>>;
  /** Members for `extra`. */
  readonly extra: JsonObject;
  /** Paths that have a value which the column cannot take. */
  readonly misshapen: readonly string[];
  /** By column, the words of the resource that the column has in another spelling. */
  readonly respelled: Readonly<Record<string, string>>;
}

/** Reads whatever is there. Never throws, whatever the JSON: a field that cannot be read is one column less. */
export type ColumnReader = (resource: JsonObject) => ColumnsRead;

/** Takes the sources apart once; what it gives reads each resource in one walk. */
export function createColumnReader<D extends RecordDefinition>(
  definition: D,
  sources: Sources<D>,
): ColumnReader {
  const tree = new PathTree();
  const indexesOf = (paths: Paths): readonly IndexedPath[] =>
    allPaths(paths).map((path) => ({ path, index: tree.indexOf(path) }));
  const columns = Object.entries<ColumnSource | undefined>(sources.columns).flatMap(([name, source]) =>
    source === undefined
      ? []
      : [{ column: columnOf(definition, name), source, indexes: indexesOf(source.paths) }],
  );
  const extra = Object.entries(sources.extra ?? {}).map(([name, paths]) => ({
    name,
    indexes: indexesOf(paths),
  }));
  return (resource) => {
    const values = tree.read(resource);
    return { ...readColumns(columns, values, resource), extra: readExtra(extra, values) };
  };
}

interface IndexedPath {
  readonly path: string;
  /** Of its value among those that were read. */
  readonly index: number;
}

/** A column with the positions of its paths in what PathTree reads, in the order in which they are tried. */
interface IndexedColumn {
  readonly column: Column;
  readonly source: ColumnSource;
  readonly indexes: readonly IndexedPath[];
}

interface IndexedMember {
  readonly name: string;
  readonly indexes: readonly IndexedPath[];
}

type Values = readonly (JsonValue | undefined)[];

/** Reads each column, and checks what was read against the type and range of the column, also what `derive` returned. */
function readColumns(
  indexed: readonly IndexedColumn[],
  values: Values,
  resource: JsonObject,
): Omit<ColumnsRead, 'extra'> {
  const columns: Record<string, string | boolean> = {};
  const misshapen: string[] = [];
  const respelled: Record<string, string> = {};
  for (const { column, source, indexes } of indexed) {
    const value =
      source.derive === undefined
        ? readFirst(column.type, indexes, values, misshapen)
        : source.derive(firstPresent(indexes, values), resource);
    if (value === undefined) continue;
    // A derived value may come from several fields. The first path stands for all of them in the report.
    if (!isStorable(column, value)) {
      misshapen.push(...indexes.slice(0, 1).map(({ path }) => path));
      continue;
    }
    columns[column.name] = spelled(column, value);
    if (columns[column.name] !== value) respelled[column.name] = String(value);
  }
  return { columns, misshapen, respelled };
}

/** In the spelling of the column; a word that it does not know stays as it is. */
function spelled({ vocabulary, spellings }: Column, value: string | boolean): string | boolean {
  const words = vocabulary ?? spellings;
  return typeof value === 'string' && words !== undefined ? (spellingOf(value, words) ?? value) : value;
}

/** For a value that comes from elsewhere than the reader of its resource. */
export function spelledIn(definition: RecordDefinition, name: string, value: string): string {
  const column = columnsByName(definition).get(name);
  return column === undefined ? value : String(spelled(column, value));
}

/** The first value that can be read; paths before it whose value cannot be read are reported as misshapen. */
function readFirst(
  type: ColumnType,
  indexes: readonly IndexedPath[],
  values: Values,
  misshapen: string[],
): string | boolean | undefined {
  for (const { path, index } of indexes) {
    const found = values[index];
    if (found === undefined || !isPresent(found)) continue;
    const value = readValue(found, type);
    if (value !== undefined) return value;
    // Go writes the year 1 for a time that was never set: that is absent, not wrong.
    if (typeof found !== 'string' || !isZeroTime(found)) misshapen.push(path);
  }
  return undefined;
}

/** Members of `extra` keep the JSON they have: nothing is converted, so nothing can be misshapen. */
function readExtra(indexed: readonly IndexedMember[], values: Values): JsonObject {
  const members: JsonObject = {};
  for (const { name, indexes } of indexed) {
    const found = firstPresent(indexes, values);
    if (found !== undefined) members[name] = found;
  }
  return members;
}

function firstPresent(indexes: readonly IndexedPath[], values: Values): JsonValue | undefined {
  for (const { index } of indexes) {
    const found = values[index];
    if (isPresent(found)) return found;
  }
  return undefined;
}

/** `""` and null mean absent in Go, so do an empty object and an empty list where a structure is read. */
function isPresent(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isJsonObject(value) || Object.keys(value).length > 0;
}

/** A value of a resource in the travelling form of a column type; undefined when it is none of that type. */
export function readValue(value: JsonValue, type: ColumnType): string | boolean | undefined {
  return columnType(type).observed(value);
}

/**
 * Throws when the code is loaded, not when a resource is read: a source for a column that does not exist is
 * a mistake here.
 */
function columnOf(definition: RecordDefinition, name: string): Column {
  const column = columnsByName(definition).get(name);
  if (column === undefined) throw new TypeError(`${definition.table} has no column ${name}`);
  return column;
}

/** What its column would refuse must not get there: the whole record would be set aside for one field. */
function isStorable({ type, range, identifier }: Column, value: string | boolean): boolean {
  if (typeof value === 'boolean') return true;
  if (identifier === true) return value.length <= MAX_IDENTIFIER_LENGTH;
  if (range !== undefined) return Number(value) >= range[0] && Number(value) <= range[1];
  const { bits } = columnType(type);
  if (bits !== undefined) return fitsIn(BigInt(value), bits);
  return type !== 'numeric' || isStorableNumber(value);
}

/** Sources are written once and read for every resource. */
const pathsOf = new WeakMap<Paths, readonly string[]>();

/** All paths of a source in the order in which they are tried, each once. */
export function allPaths(paths: Paths): readonly string[] {
  const known = pathsOf.get(paths);
  if (known !== undefined) return known;
  const all = [...new Set(Object.values(paths).flat())];
  pathsOf.set(paths, all);
  return all;
}

/**
 * Paths that several generations share. Where two such objects are spread into one, a generation that is in both keeps
 * the paths of the later one alone.
 */
export function inAll(shapes: readonly KnownShape[], ...paths: readonly string[]): Paths {
  return Object.fromEntries(shapes.map((shape) => [shape, paths]));
}

/**
 * Many paths that are read from each resource of a kind, in one walk: what is missing near the root, as most of what
 * other generations have, is not looked for below it.
 */
class PathTree {
  readonly #branches: Branch[] = [];
  readonly #indexes = new Map<string, number>();

  /** Adds a dotted path; returns where `read` puts its value. */
  indexOf(path: string): number {
    const known = this.#indexes.get(path);
    if (known !== undefined) return known;
    const index = this.#indexes.size;
    this.#indexes.set(path, index);
    let branches = this.#branches;
    let branch: Branch | undefined;
    for (const step of path.split('.')) {
      branch = branches.find((candidate) => candidate.step === step);
      if (branch === undefined) branches.push((branch = { step, index: undefined, branches: [] }));
      branches = branch.branches;
    }
    if (branch !== undefined) branch.index = index;
    return index;
  }

  /** The values of all paths by their indexes; undefined where there is none, and for null. */
  read(resource: JsonObject): readonly (JsonValue | undefined)[] {
    const values = new Array<JsonValue | undefined>(this.#indexes.size).fill(undefined);
    gather(this.#branches, resource, values);
    return values;
  }
}

/** One step of the paths; steps that paths share are one branch. */
interface Branch {
  readonly step: string;
  /** Undefined where no path ends. */
  index: number | undefined;
  readonly branches: Branch[];
}

function gather(branches: readonly Branch[], from: JsonObject, values: (JsonValue | undefined)[]): void {
  for (const { step, index, branches: deeper } of branches) {
    // A member may be called like one that every JavaScript object inherits.
    if (!Object.hasOwn(from, step)) continue;
    const member = from[step];
    if (index !== undefined) values[index] = member ?? undefined;
    if (deeper.length > 0 && isJsonObject(member)) gather(deeper, member, values);
  }
}
