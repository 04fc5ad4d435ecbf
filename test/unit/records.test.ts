import { describe, expect, test } from 'vitest';

import type { Column, RecordDefinition } from '../../src/domain/records/definition.ts';
import { DESCRIBED_TABLES, RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';

const TABLES: readonly RecordDefinition[] = DESCRIBED_TABLES;

function columnsOf(table: string): readonly Column[] {
  return TABLES.find((definition) => definition.table === table)?.columns ?? [];
}

/** JSON names of the sources' structs, and column names of their tables, to the letter and in their order. */
const SOURCES: readonly [source: string, table: string, names: string][] = [
  [
    '000',
    'workflow_execution_audit',
    'id remediation_id workflow_id workflow_version container_image target_resource parameters total_duration ' +
      'pipelinerun_name phase outcome failure_reason failure_message skip_reason conflicting_wfe started_at ' +
      'completed_at correlation_id created_at',
  ],
  [
    '001',
    'kubernetes_execution_audit',
    'id execution_id workflow_ref step_index action_type action_parameters target_namespace target_resource_kind ' +
      'target_resource_name success output error start_time end_time duration job_name job_pod_name job_exit_code ' +
      'job_resource_usage retry_count max_retries completed_at phase created_at',
  ],
  [
    '002',
    'signal_processing_audit',
    'id remediation_id signal_fingerprint processing_phases enrichment_quality enrichment_sources context_size_bytes ' +
      'environment confidence business_criticality sla_requirement priority priority_score routed_to_service ' +
      'routing_priority completed_at status error_message',
  ],
  [
    '003',
    'ai_analysis_audit',
    'id crd_name crd_namespace alert_fingerprint environment severity investigation_start investigation_end ' +
      'investigation_duration_ms root_cause_count investigation_report analysis_start analysis_end ' +
      'analysis_duration_ms confidence_score hallucination_detected recommendation_start recommendation_end ' +
      'recommendations top_recommendation effectiveness_probability historical_success_rate workflow_crd_name ' +
      'workflow_crd_namespace completion_status failure_reason created_at',
  ],
  [
    '003, embeddings',
    'ai_investigation_embeddings',
    'id alert_fingerprint investigation_text embedding root_cause confidence_score environment created_at',
  ],
  [
    '004',
    'workflow_execution_audit',
    'id remediation_id workflow_version total_duration outcome completed_at workflow_name total_steps steps_completed ' +
      'steps_failed effectiveness_score rollbacks_performed step_executions adaptive_adjustments status error_message',
  ],
];

describe('the definitions keep the names and the order of source', () => {
  test.each(SOURCES)('%s in %s', (_source, table, text) => {
    const names = text.split(' ');
    const defined = columnsOf(table).map(({ name }) => name);
    expect(defined.filter((name) => names.includes(name))).toEqual(names);
  });
});

describe('what a post must carry is what identifies it and no more:', () => {
  const required = (kind: string): string[] =>
    (TABLES.find((definition) => definition.kind === kind)?.columns ?? [])
      .filter((column) => column.required === true)
      .map(({ name }) => name);

  test.each([
    ['workflow-execution', ['remediation_id']],
    // The test of source 001 posts execution_id, action_type and success only.
    ['kubernetes-execution', ['execution_id']],
    ['signal-processing', ['remediation_id', 'signal_fingerprint']],
    ['ai-analysis', ['crd_name', 'crd_namespace']],
  ])('%s: %j', (kind, names) => {
    expect(required(kind)).toEqual(names);
  });
});

test('every table can be reached from its remediation, by uid and by name', () => {
  for (const { table, columns } of TABLES) {
    const names = columns.map(({ name }) => name);
    expect(names, table).toEqual(expect.arrayContaining(['remediation_uid', 'remediation_id']));
  }
});

test('tables, kinds and the columns of a table are named once', () => {
  expect(new Set(TABLES.map(({ table }) => table)).size).toBe(TABLES.length);
  expect(new Set(TABLES.map(({ kind }) => kind)).size).toBe(TABLES.length);
  for (const { table, columns } of TABLES) {
    const names = columns.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    expect(new Set(names).size, table).toBe(names.length);
  }
});

test('every score is bounded, and only a vocabulary can be ranked', () => {
  for (const { table, columns } of TABLES) {
    for (const { name, type, range, fold, vocabulary } of columns) {
      if (type === 'numeric') expect(range, `${table}.${name}`).toEqual([0, 1]);
      if (fold === 'rank') expect(vocabulary, `${table}.${name}`).not.toEqual([]);
    }
  }
});

test('records live in months; only the embeddings, which are a memory, do not', () => {
  const definitions: readonly RecordDefinition[] = RECORD_DEFINITIONS;
  expect(definitions.filter(({ partitioned }) => partitioned === false)).toEqual([]);
  expect(TABLES.filter(({ partitioned }) => partitioned === false).map(({ table }) => table)).toEqual([
    'ai_investigation_embeddings',
  ]);
});
