import { describe, expect, test } from 'vitest';

import { jsonForAnswer } from '../../src/domain/answered-json.ts';
import { parseInterval } from '../../src/domain/duration.ts';
import { canonicalJson, parseJson } from '../../src/domain/json.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { aiAnalysisAudit } from '../../src/domain/records/ai-analysis-audit.ts';
import { observedColumns } from '../../src/domain/records/definition.ts';
import { kubernetesExecutionAudit } from '../../src/domain/records/kubernetes-execution-audit.ts';
import { signalProcessingAudit } from '../../src/domain/records/signal-processing-audit.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { keyOfClientId } from '../../src/identity/own-keys.ts';
import * as golden from './fixtures/intake/golden-bodies.ts';
import { accept, context, refuse, version } from './fixtures/intake/posting.ts';

describe('bodies as the structs of the sources marshal them', () => {
  test('a completed execution of source 000', () => {
    expect(accept(workflowExecutionAudit, golden.workflowExecution)).toEqual({
      clientId: undefined,
      unknownFields: [],
      unrecognisedFields: [],
      repairedFields: [],
      cutFields: [],
      redactions: { password: 1 },
      observation: {
        table: 'workflow_execution_audit',
        cluster: 'default',
        key: naturalKey(
          'post',
          'rr-b157a3a9e42f-1c2b5576',
          'oomkill-increase-memory',
          '2026-11-21T10:00:00.123456Z',
        ),
        phase: 'execution',
        sourceVersion: version('2026-11-21T10:02:04.000Z'),
        createdAt: '2026-11-21T10:02:04.000000Z',
        createdAtSource: 'post',
        observedAt: context.receivedAt,
        actor: context.actor,
        columns: {
          source_kind: 'post',
          remediation_id: 'rr-b157a3a9e42f-1c2b5576',
          workflow_id: 'oomkill-increase-memory',
          workflow_version: 'v1.2.0',
          container_image:
            'quay.io/acme/oomkill@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
          target_resource: 'payments/Deployment/api',
          parameters: '{"DB_PASSWORD":"[REDACTED:password]","MEMORY_LIMIT":"1Gi"}',
          total_duration: '00:02:03.456789',
          pipelinerun_name: 'we-rr-b157a3a9e42f-1c2b5576-run',
          phase: 'Completed',
          outcome: 'Success',
          started_at: '2026-11-21T10:00:00.123456Z',
          completed_at: '2026-11-21T10:02:03.580245Z',
          correlation_id: 'rr-b157a3a9e42f-1c2b5576',
        },
      },
    });
  });

  test('what says it is of a resource is a post all the same, and keeps the word as an unknown field', () => {
    const body = '{"remediation_id":"rr-1","source_kind":"WorkflowExecution"}';
    const { observation, unknownFields } = accept(workflowExecutionAudit, body);
    expect(observation.columns).toEqual({
      remediation_id: 'rr-1',
      source_kind: 'post',
      extra: '{"source_kind":"WorkflowExecution"}',
    });
    expect(unknownFields).toEqual(['source_kind']);
  });

  test('a skipped execution of source 000: zero times, empty text and nil are absent, a zero duration is a value', () => {
    const { observation } = accept(workflowExecutionAudit, golden.skippedWorkflowExecution);
    expect(observation.phase).toBe('skip');
    expect(observation.columns).toEqual({
      source_kind: 'post',
      remediation_id: 'rr-1',
      workflow_id: 'oomkill-increase-memory',
      target_resource: 'payments/Deployment/api',
      total_duration: '00:00:00',
      phase: 'Skipped',
      outcome: 'n/a',
      skip_reason: 'ResourceBusy',
      conflicting_wfe: 'we-rr-0',
    });
  });

  test('a step-level execution of source 004: its words, its decimals, its steps with durations for ::interval', () => {
    const { observation, clientId } = accept(workflowExecutionAudit, golden.stepLevelExecution);
    expect(clientId).toBe('3f2504e0-4f89-41d3-9a0c-0305e82c3301');
    expect(observation).toMatchObject({
      key: keyOfClientId('3F2504E0-4F89-41D3-9A0C-0305E82C3301'),
      createdAt: '2026-11-21T10:05:00.000000Z',
      createdAtSource: 'post',
      sourceVersion: version('2026-11-21T10:05:00Z'),
    });
    expect(observation.columns).toEqual({
      source_kind: 'post',
      remediation_id: 'rr-2',
      workflow_name: 'restart-and-scale',
      workflow_version: '3',
      total_steps: '3',
      steps_completed: '2',
      steps_failed: '1',
      total_duration: '00:01:30',
      outcome: 'Partial',
      effectiveness_score: '0.9990',
      rollbacks_performed: '0',
      step_executions:
        '[{"action":"scale_deployment","duration":"00:00:02.5","retries_attempted":0,"status":"completed","step_number":1},' +
        '{"action":"rollout_restart","duration":"00:00:00","error_message":"timed out","retries_attempted":3,"status":"failed","step_number":2}]',
      completed_at: '2026-11-21T10:05:00.000000Z',
      status: 'completed',
      extra: '{"client_id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301"}',
    });
  });

  test('an action of source 001: false and 137 are values, integers beyond 2^53 keep their last digit', () => {
    const { observation } = accept(kubernetesExecutionAudit, golden.kubernetesExecution);
    expect(observation).toMatchObject({
      key: naturalKey('post', 'alert-12345-workflow', '2', 'ke-rr-1-step-2', '2026-11-21T10:00:00.000000Z'),
      phase: 'action',
      createdAt: '2026-11-21T09:59:59.000000Z',
      sourceVersion: version('2026-11-21T10:00:32.100Z'),
    });
    expect(observation.columns).toMatchObject({
      success: false,
      step_index: '2',
      action_parameters: '{"ratio":1.10,"replicas":9007199254740993}',
      end_time: '2026-11-21T10:00:31.000000Z',
      duration: '00:00:31',
      job_exit_code: '137',
      job_resource_usage: '{"cpu_millicores":250,"memory_bytes":9223372036854775807}',
    });
    expect(observation.columns['output']).toBeUndefined();
  });

  test("source 001's own test body, three fields and no time at all", () => {
    const { observation } = accept(kubernetesExecutionAudit, golden.threeFields);
    expect(observation).toEqual({
      table: 'kubernetes_execution_audit',
      cluster: 'default',
      key: expect.stringMatching(/^post\/content\/\/0\/test-exec-1\/[0-9a-f]{64}$/) as string,
      phase: 'action',
      sourceVersion: '-1000000000000000',
      createdAt: context.receivedAt,
      createdAtSource: 'received',
      observedAt: context.receivedAt,
      actor: context.actor,
      columns: {
        source_kind: 'post',
        execution_id: 'test-exec-1',
        step_index: '0',
        action_type: 'scale-deployment',
        success: true,
        duration: '00:00:00',
        job_exit_code: '0',
        retry_count: '0',
        max_retries: '0',
      },
    });
    // The same with nothing but the three, as another client would send it: the record differs only where 0 is a value.
    const bare = accept(
      kubernetesExecutionAudit,
      '{"execution_id":"test-exec-1","action_type":"scale-deployment","success":true}',
    );
    expect(bare.observation.columns).toEqual({
      source_kind: 'post',
      execution_id: 'test-exec-1',
      action_type: 'scale-deployment',
      success: true,
    });
  });

  test('a signal of source 002 with its phases', () => {
    const { observation } = accept(signalProcessingAudit, golden.signalProcessing);
    expect(observation).toMatchObject({
      key: naturalKey(
        'post',
        'rr-b157a3a9e42f-1c2b5576',
        'mem-pressure-prod-123',
        '2026-11-21T09:58:00.250000Z',
      ),
      phase: 'signal-processing',
      createdAt: '2026-11-21T09:58:00.250000Z',
      createdAtSource: 'post',
      sourceVersion: version('2026-11-21T09:58:04Z'),
    });
    expect(observation.columns).toMatchObject({
      confidence: '1.0',
      enrichment_quality: '0.95',
      enrichment_sources: '["prometheus","kubernetes"]',
      context_size_bytes: '2048',
      routing_priority: '0',
      sla_requirement: '5m',
    });
    expect(JSON.parse(String(observation.columns['processing_phases']))).toEqual([
      {
        phase: 'enriching',
        start_time: '2026-11-21T09:58:00.250000Z',
        end_time: '2026-11-21T09:58:02.750000Z',
        duration: '00:00:02.5',
        enrichmentResults: {
          contextQuality: 0.95,
          contextSizeBytes: 2048,
          contextSources: 3,
          degradedMode: false,
        },
      },
      {
        phase: 'classifying',
        duration: '00:00:00',
        classificationResults: {
          environment: 'production',
          confidence: 1,
          businessCriticality: 'high',
          classificationMethod: 'namespace-label',
        },
      },
      {
        phase: 'categorizing',
        start_time: '2026-11-21T09:58:03.000000Z',
        end_time: '2026-11-21T09:58:03.000000Z',
        duration: '00:00:00',
        categorizationResults: { priority: 'P0', priorityScore: 95, source: 'enriched_context' },
      },
    ]);
  });

  test('a signal of source 002 in which every number is zero and everything else is empty', () => {
    const { observation } = accept(signalProcessingAudit, golden.emptySignalProcessing);
    expect(observation.createdAtSource).toBe('received');
    expect(observation.columns).toEqual({
      source_kind: 'post',
      remediation_id: 'rr-3',
      signal_fingerprint: 'fp-3',
      enrichment_quality: '0',
      context_size_bytes: '0',
      confidence: '0',
      priority_score: '0',
      routing_priority: '0',
    });
  });

  test('an investigation of source 003 says its start, and a completion only the name', () => {
    const [first, second] = [
      accept(aiAnalysisAudit, golden.investigation),
      accept(aiAnalysisAudit, golden.completedAnalysis),
    ];
    const name = ['post', 'kubernaut-system', 'ai-rr-1'];
    expect(first.observation.key).toBe(
      naturalKey(...name, String(first.observation.columns['investigation_start'])),
    );
    expect(second.observation.key).toBe(naturalKey(...name));
    expect(first.observation.phase).toBe('investigation');
    expect(second.observation.phase).toBe('recommendation');
    expect(first.clientId).toBe('7c9e6679-7425-40de-944b-e07fc1f90ae7');
    expect(second.observation.columns).toMatchObject({
      confidence_score: '0.93',
      effectiveness_probability: '0.90',
      hallucination_detected: false,
      completion_status: 'completed',
    });
  });
});

describe('the durations of JSON columns', () => {
  test('come out as the integer nanoseconds that the structs of the sources read', () => {
    const { observation } = accept(signalProcessingAudit, golden.signalProcessing);
    const column = observedColumns(signalProcessingAudit).find(({ name }) => name === 'processing_phases');
    const answered = jsonForAnswer(
      { members: column?.members ?? {} },
      String(observation.columns['processing_phases']),
    );
    const durations = (JSON.parse(answered) as { duration: unknown }[]).map(({ duration }) => duration);
    expect(durations).toEqual([2_500_000_000, 0, 0]);
  });

  test('are text that PostgreSQL casts, from every spelling', () => {
    for (const duration of ['2500000000', '2500000000.0', '25e8', '"2.5s"', '"PT2.5S"']) {
      const body = `{"remediation_id":"r","signal_fingerprint":"f","processing_phases":[{"duration":${duration}}]}`;
      expect(accept(signalProcessingAudit, body).observation.columns['processing_phases'], duration).toBe(
        '[{"duration":"00:00:02.5"}]',
      );
    }
  });

  test('that are absent are left out, because the empty text is no interval', () => {
    const body =
      '{"remediation_id":"r","signal_fingerprint":"f","processing_phases":[{"phase":"a","duration":""},{"duration":null}]}';
    expect(accept(signalProcessingAudit, body).observation.columns['processing_phases']).toBe(
      '[{"phase":"a"},{}]',
    );
  });

  test('leave every other number of the column as it is, to the last digit', () => {
    const column = { members: { duration: 'interval' } } as const;
    const json = '[{"big": 9007199254740993, "ratio": 1.10, "duration": "292471:00:00.000001"}]';
    expect(jsonForAnswer(column, json)).toBe(
      '[{"big":9007199254740993,"duration":1052895600000001000,"ratio":1.10}]',
    );
    expect(parseInterval('292471:00:00.000001')).toBe(1_052_895_600_000_001_000n);
    expect(jsonForAnswer({}, json)).toBe(json);
    expect(jsonForAnswer(column, '{"duration":"1 mon"}')).toBe('{"duration":"1 mon"}');
  });

  test('and the numbers that the queries cast are integers, however they were written', () => {
    const usage = (text: string) => `{"execution_id":"e","job_resource_usage":${text}}`;
    expect(
      accept(kubernetesExecutionAudit, usage('{"cpu_millicores":250.0,"memory_bytes":1e3,"disk":"x"}'))
        .observation.columns['job_resource_usage'],
    ).toBe('{"cpu_millicores":250,"disk":"x","memory_bytes":1000}');
    expect(refuse(kubernetesExecutionAudit, usage('{"cpu_millicores":"lots","memory_bytes":1.5}'))).toEqual([
      {
        pointer: '/job_resource_usage/cpu_millicores',
        detail: 'must be an integer of 64 bits, not text of 4 characters',
      },
      {
        pointer: '/job_resource_usage/memory_bytes',
        detail: 'must be an integer of 64 bits, not the number 1.5',
      },
    ]);
  });
});

test('the columns of a post are canonical: what is stored is what is hashed', () => {
  const { observation } = accept(kubernetesExecutionAudit, golden.kubernetesExecution);
  for (const { name, type } of kubernetesExecutionAudit.columns) {
    const value = (observation.columns as Record<string, unknown>)[name];
    if (type === 'jsonb' && typeof value === 'string') expect(canonicalJson(parseJson(value))).toBe(value);
  }
});
