import type { aiAnalysisAudit } from '../domain/records/ai-analysis-audit.ts';
import type { Column, ColumnType, RecordDefinition } from '../domain/records/definition.ts';
import type { kubernetesExecutionAudit } from '../domain/records/kubernetes-execution-audit.ts';
import type { signalProcessingAudit } from '../domain/records/signal-processing-audit.ts';
import type { workflowExecutionAudit } from '../domain/records/workflow-execution-audit.ts';

/** What a caller may give for a column. `null` and `""` mean absent. */
interface ValueByType {
  text: string;
  uuid: string;
  timestamptz: string | Date;
  /** Integer nanoseconds, as Go's `time.Duration`, or text such as `2m3s`. */
  interval: number | bigint | string;
  numeric: number;
  bigint: number | bigint;
  integer: number;
  boolean: boolean;
  jsonb: unknown;
  vector: never;
}

type ValueOf<T extends ColumnType> = ValueByType[T] | null;

/** A record as it is posted, with names and kinds of values from the definition of its table. */
export type RecordOf<D extends RecordDefinition> = {
  readonly [C in PostedColumn<D> as C extends { required: true } ? C['name'] : never]: ValueOf<C['type']>;
} & {
  readonly [C in PostedColumn<D> as C extends { required: true } ? never : C['name']]?: ValueOf<C['type']>;
} & PostedIdentity;

type PostedColumn<D extends RecordDefinition> = Exclude<D['columns'][number], { managed: true }> & Column;

/** What a post may say about the record itself. */
interface PostedIdentity {
  /** Identifies the record, so that a retry is known as one. */
  readonly id?: string;
  /** Month in which the record lives. Default: the earliest time it carries. */
  readonly created_at?: string | Date;
  /** Default: the cluster that the service is configured for. */
  readonly cluster?: string;
  /** Orders the states of one record. Default: the latest time it carries. */
  readonly revision?: number | bigint;
}

export interface RecordByKind {
  'signal-processing': RecordOf<typeof signalProcessingAudit>;
  'kubernetes-execution': RecordOf<typeof kubernetesExecutionAudit>;
  'workflow-execution': RecordOf<typeof workflowExecutionAudit>;
  'ai-analysis': RecordOf<typeof aiAnalysisAudit>;
}

export type RecordKind = keyof RecordByKind;
