import type { ColumnType } from '../column-types.ts';

/**
 * What one column of a record table is. Everything that must know about columns derives it from here: the TypeScript
 * type, the JSON of the REST service, the merge statement, the archive's schema, the documentation.
 */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** One line for the documentation. */
  readonly meaning: string;
  /** How observations of one record combine in this column. Default `newest`. */
  readonly fold?: Fold;
  /** Indexed and therefore bounded by MAX_IDENTIFIER_LENGTH. Default false. */
  readonly identifier?: boolean;
  /**
   * The words that are known, and that a filter may use. What a resource or a post says is brought to their spelling; any other
   * word is kept as it is, and of a post also named in `extra`.
   */
  readonly vocabulary?: readonly string[];
  /** Words that reports group by, in the spelling that the column has. Any other word is kept as it is, also of a post. */
  readonly spellings?: readonly string[];
  /** Whether a post must carry it. Default false. */
  readonly required?: boolean;
  /** Written by the store itself, never by an observation. Default false. */
  readonly managed?: boolean;
  /** `not null` in the table. Default false. */
  readonly notNull?: boolean;
  /** No adapter of any generation produces it: null unless a post brings it. Default false. */
  readonly postedOnly?: boolean;
  /**
   * Today's resources do not say it, though older ones did: a post adds it to the record of a resource too, as it does what is
   * `postedOnly`. Nothing that decides what became of the execution. Default false.
   */
  readonly addedByPosts?: boolean;
  /** Smallest and largest value; the table checks them. Default unbounded. */
  readonly range?: readonly [least: number, most: number];
  /** Names that a post may use for it besides its own. */
  readonly aliases?: readonly string[];
  /**
   * Members of the JSON value (of each element, where it is an array) whose type the queries rely on: an interval is
   * stored as text that `::interval` reads, whatever it came in as.
   */
  readonly members?: Readonly<Record<string, ColumnType>>;
}

/** Scores and probabilities. Checked as a range, never by a number of decimals: 0.999 must not become 1.00. */
export const SCORE = [0, 1] as const;

/** Lower case, as the sources write them. */
export const ENVIRONMENTS = ['production', 'staging', 'development', 'test', 'unknown'] as const;

/**
 * `newest`: the value of the newest version that carries one. `union`: the keys of all objects, per key the newest.
 * `earliest`: the smallest value. `rank`: the value that stands furthest back in the column's vocabulary.
 */
type Fold = 'newest' | 'union' | 'earliest' | 'rank';

export interface RecordDefinition<C extends readonly Column[] = readonly Column[]> {
  /** Name of the table. */
  readonly table: string;
  /** Name in URLs and on the command line. */
  readonly kind: string;
  readonly meaning: string;
  /** Whether controllers may post it; otherwise only the watcher writes it. Default true. */
  readonly postable?: boolean;
  /** One partition per month of created_at, primary key (id, created_at). Default true. */
  readonly partitioned?: boolean;
  readonly columns: C;
}

/**
 * The columns an observation may carry, as they travel: instants and intervals as text, every number as decimal text,
 * every JSON value as canonical JSON text. Absent means not known.
 */
export type Columns = Readonly<Record<string, string | boolean>>;

/** The columns of one table, with their names and kinds of value checked by the compiler. */
export type ColumnsOf<D extends RecordDefinition> = {
  readonly [
    C in D['columns'][number] as C extends { managed: true } ? never : C['name']
  ]?: C['type'] extends 'boolean' ? boolean : string;
};

/** Columns that every record table carries besides its own. */
const IDENTITY = [
  {
    name: 'id',
    type: 'uuid',
    managed: true,
    notNull: true,
    meaning: 'Identity of the record: follows from table, cluster and natural key',
  },
] as const satisfies readonly Column[];

const COMMON = [
  {
    name: 'created_at',
    type: 'timestamptz',
    managed: true,
    notNull: true,
    meaning:
      'Where the record lives: creation of the resource; until that is observed, what the first acceptance decided',
  },
  {
    name: 'created_at_source',
    type: 'text',
    managed: true,
    notNull: true,
    meaning: 'What created_at was taken from: `resource`, `post` or `received`',
  },
  { name: 'cluster', type: 'text', managed: true, notNull: true, meaning: 'Configured name of the cluster' },
  { name: 'namespace', type: 'text', meaning: 'Namespace of the resource' },
  {
    name: 'remediation_uid',
    type: 'text',
    identifier: true,
    meaning: 'uid of the remediation; joins all tables. Unknown to a post that does not carry it',
  },
  { name: 'source_kind', type: 'text', meaning: 'Kind of the resource, or `post`' },
  { name: 'source_uid', type: 'text', aliases: ['crd_uid'], meaning: 'uid of the resource' },
  {
    name: 'source_version',
    type: 'bigint',
    managed: true,
    notNull: true,
    meaning: 'Newest version of the source that this row has seen',
  },
  { name: 'source_shape', type: 'text', meaning: 'Generation of the resource, recognised by its shape' },
  {
    name: 'recorded_at',
    type: 'timestamptz',
    managed: true,
    notNull: true,
    meaning: 'When the record was first stored',
  },
  {
    name: 'updated_at',
    type: 'timestamptz',
    managed: true,
    notNull: true,
    meaning: 'When the row last changed',
  },
  {
    name: 'revision',
    type: 'integer',
    managed: true,
    notNull: true,
    meaning: 'Number of accepted observations',
  },
  { name: 'extra', type: 'jsonb', fold: 'union', meaning: 'What was observed and has no column of its own' },
] as const satisfies readonly Column[];

/** The sources' own key of a remediation. Tables whose source has it list it themselves, in the source's place. */
export const REMEDIATION_ID = {
  name: 'remediation_id',
  type: 'text',
  identifier: true,
  meaning: 'Name of the remediation',
} as const satisfies Column;

/** Puts the common columns around a table's own. */
export function defineRecord<const C extends readonly Column[]>(
  own: RecordDefinition<C>,
): RecordDefinition<readonly [...typeof IDENTITY, ...C, ...typeof COMMON]> {
  return { ...own, columns: [...IDENTITY, ...own.columns, ...COMMON] };
}

const columnsByDefinition = new WeakMap<RecordDefinition, ReadonlyMap<string, Column>>();

/** The columns of a definition by their names. */
export function columnsByName(definition: RecordDefinition): ReadonlyMap<string, Column> {
  const known = columnsByDefinition.get(definition);
  if (known !== undefined) return known;
  const columns = new Map(definition.columns.map((column) => [column.name, column]));
  columnsByDefinition.set(definition, columns);
  return columns;
}

/** Whether posts fill it in the record of a resource. Whatever else they say of one stands in its `extra`. */
export function isAddedByPosts({ postedOnly, addedByPosts }: Column): boolean {
  return postedOnly === true || addedByPosts === true;
}

/** Worked out once for each definition: every observation needs them several times. */
const observedByDefinition = new WeakMap<RecordDefinition, readonly Column[]>();

/** Columns that observations carry and the fold decides. */
export function observedColumns(definition: RecordDefinition): readonly Column[] {
  const known = observedByDefinition.get(definition);
  if (known !== undefined) return known;
  const columns = definition.columns.filter((column) => column.managed !== true);
  observedByDefinition.set(definition, columns);
  return columns;
}
