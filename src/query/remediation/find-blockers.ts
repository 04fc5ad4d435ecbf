import type { Filter, RecordRow } from '../../database/reading/record-query.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import { workflowExecutionAudit } from '../../domain/records/workflow-execution-audit.ts';
import type { QueryOptions, SourcedRow, Sources } from '../combined-answer.ts';
import { selectCombinedPage } from '../combined-page.ts';
import type { TimeRange } from '../part-spans.ts';
import { type Blockers, conflictOf, originalOf, type RemediationReference } from './blockers.ts';
import { type Facts, factsOf, textIn } from './facts.ts';

/*
 * Looks up the remediations behind blocks in database and archive. Apart from what a summary is made of, because the plugin makes its
 * text without either.
 */

interface BlockedRemediation {
  readonly remediation: RecordRow;
  /** Its executions and blocks. */
  readonly executions: readonly SourcedRow[];
  /** Only archived months of this time are read. */
  readonly archived: TimeRange;
}

/** Names that are looked up; one remediation may wait for another a thousand times, and then names the same. */
const MOST_NAMES = 20;
/** Rows of these names; a name may be used again, and the newest counts. */
const MOST_ROWS = 100;

export async function findBlockers(
  sources: Sources,
  { remediation, executions, archived }: BlockedRemediation,
  options: QueryOptions,
): Promise<Blockers> {
  const blocks = executions
    .map(({ row }) => factsOf(workflowExecutionAudit, row))
    .filter((block) => textIn(block, 'skip_reason') !== null);
  const select = (definition: RecordDefinition, filters: readonly Filter[]) =>
    selectRows(sources, { definition, filters, archived }, options);
  const cluster = equalTo(remediationAudit, 'cluster', [String(remediation['cluster'])]);
  const running = (await selectRunning(select, { blocks, cluster })).map(({ row }) =>
    factsOf(workflowExecutionAudit, row),
  );
  const uids = [...new Set(running.flatMap((one) => textIn(one, 'remediation_uid') ?? []))];
  const originals = namesIn(blocks, originalOf);
  const wanted = [
    ...equalTo(remediationAudit, 'remediation_uid', uids),
    ...equalTo(remediationAudit, 'remediation_id', originals),
  ];
  const found = wanted.length === 0 ? [] : await select(remediationAudit, [...cluster, anyOf(wanted)]);
  const others = found.map(referenceOf);
  return {
    byExecution: new Map(
      running.flatMap((one) => {
        const uid = textIn(one, 'remediation_uid');
        const owner = others.find((other) => uid !== null && other.uid === uid);
        const name = textIn(one, 'execution_name');
        return owner === undefined || name === null ? [] : [[name, owner] as const];
      }),
    ),
    byName: new Map(
      originals.flatMap((name) => {
        // In the namespace of the remediation itself: the block has no other.
        const original = others.find(
          (other) => other.name === name && (other.namespace ?? '') === (remediation['namespace'] ?? ''),
        );
        return original === undefined ? [] : [[name, original] as const];
      }),
    ),
  };
}

type Select = (definition: RecordDefinition, filters: readonly Filter[]) => Promise<readonly SourcedRow[]>;

/** Executions that were in the way, oldest first. They have the target of the block, and by that they are found soon. */
async function selectRunning(
  select: Select,
  { blocks, cluster }: { readonly blocks: readonly Facts[]; readonly cluster: readonly Filter[] },
): Promise<readonly SourcedRow[]> {
  const names = namesIn(blocks, conflictOf);
  const targets = namesIn(blocks, (block) => textIn(block, 'target_resource') ?? undefined);
  if (names.length === 0 || targets.length === 0) return [];
  const found = await select(workflowExecutionAudit, [
    ...cluster,
    anyOf(equalTo(workflowExecutionAudit, 'target_resource', targets)),
    anyOf(equalTo(workflowExecutionAudit, 'execution_name', names)),
  ]);
  return found.toReversed();
}

function namesIn(blocks: readonly Facts[], nameOf: (block: Facts) => string | undefined): readonly string[] {
  return [...new Set(blocks.flatMap((block) => nameOf(block) ?? []))].slice(0, MOST_NAMES);
}

function equalTo(definition: RecordDefinition, name: string, values: readonly string[]): readonly Filter[] {
  return definition.columns
    .filter((column) => column.name === name)
    .flatMap((column) => values.map((value): Filter => ({ column, is: 'equal', value })));
}

function anyOf(of: readonly Filter[]): Filter {
  const [first] = of;
  if (first === undefined) throw new Error('a condition without alternatives matches nothing');
  return { column: first.column, is: 'any', of };
}

/** Newest first. */
async function selectRows(
  { pool, archive }: Sources,
  {
    definition,
    filters,
    archived,
  }: {
    readonly definition: RecordDefinition;
    readonly filters: readonly Filter[];
    readonly archived: TimeRange;
  },
  options: QueryOptions,
): Promise<readonly SourcedRow[]> {
  const query = { filters, order: 'newest' as const, limit: MOST_ROWS };
  return (await selectCombinedPage({ pool, definition, query, archived }, archive, options)).rows;
}

function referenceOf({ row, source }: SourcedRow): RemediationReference {
  const remediation = factsOf(remediationAudit, row);
  return {
    source,
    namespace: textIn(remediation, 'namespace'),
    name: textIn(remediation, 'remediation_id') ?? '',
    uid: textIn(remediation, 'remediation_uid'),
  };
}
