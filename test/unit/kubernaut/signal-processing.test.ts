import { expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import { parseJson } from '../../../src/domain/json.ts';
import type { Columns } from '../../../src/domain/records/definition.ts';
import { readRemediationProcessing } from '../../../src/kubernaut/remediation-processing.ts';
import { readSignalProcessing } from '../../../src/kubernaut/signal-processing.ts';
import { readable } from '../../support/readings.ts';
import { CONTEXT, REFERENCE, resourceOf } from './samples/parts.ts';
import { REMEDIATION_PROCESSINGS, SIGNAL_PROCESSINGS } from './samples/signal-processing.ts';

function columnsOf(resource: JsonObject | undefined): Columns {
  const [observation, ...others] = readable(readSignalProcessing(resource ?? {}, CONTEXT)).observations;
  expect(others).toEqual([]);
  return observation?.columns ?? {};
}

const withStatus = (status: JsonObject): JsonObject =>
  resourceOf('SignalProcessing', 'sp', { spec: { remediationRequestRef: REFERENCE }, status });

test.each(['G3', 'G2'])('%s has what was found out, and nothing that only older ones knew', (generation) => {
  const columns = columnsOf(SIGNAL_PROCESSINGS[generation]);
  expect(columns).toMatchObject({
    environment: 'production',
    business_criticality: 'Critical',
    sla_requirement: 'Gold',
    priority: 'P0',
    completed_at: '2026-11-21T10:40:03.000000Z',
    status: 'completed',
    error_message: 'timed out once',
    context_size_bytes: '286',
  });
  for (const unknown of ['confidence', 'enrichment_quality', 'priority_score', 'routed_to_service']) {
    expect(columns).not.toHaveProperty(unknown);
  }
});

test('G1 as documented has scores and routing', () => {
  expect(columnsOf(SIGNAL_PROCESSINGS['G1 as documented'])).toMatchObject({
    enrichment_quality: '0.92',
    confidence: '0.9',
    business_criticality: 'high',
    priority: 'P1',
    priority_score: '87',
    routed_to_service: 'ai-analysis',
    routing_priority: '8',
  });
});

test('G1 as coded has its signal flat in the spec, and its own word for the end', () => {
  expect(columnsOf(SIGNAL_PROCESSINGS['G1 as coded'])).toMatchObject({
    signal_fingerprint: '4f1c22ab90de'.padEnd(64, '0'),
    completed_at: '2026-11-21T10:40:02.000000Z',
    status: 'completed',
  });
});

test('phases of the processing have only times that the resource names', () => {
  expect(parseJson(String(columnsOf(SIGNAL_PROCESSINGS['G3'])['processing_phases']))).toEqual([
    {
      phase: 'enriching',
      start_time: '2026-11-21T10:40:00.000000Z',
      end_time: '2026-11-21T10:40:01.000000Z',
      duration: '00:00:01',
      enrichmentResults: { contextSizeBytes: 286, degradedMode: false },
    },
    {
      phase: 'classifying',
      end_time: '2026-11-21T10:40:02.000000Z',
      classificationResults: {
        environment: 'Production',
        businessCriticality: 'Critical',
        classificationMethod: 'namespace-labels',
      },
    },
    {
      phase: 'categorizing',
      end_time: '2026-11-21T10:40:02.000000Z',
      categorizationResults: { priority: 'P0', source: 'rego-policy' },
    },
    {
      phase: 'processing',
      start_time: '2026-11-21T10:40:00.000000Z',
      end_time: '2026-11-21T10:40:03.000000Z',
      duration: '00:00:03',
    },
  ]);
});

test('a condition that is not met is the end of nothing', () => {
  const conditions = [
    { type: 'EnrichmentComplete', status: 'False', lastTransitionTime: '2026-11-21T10:40:01Z' },
  ];
  expect(columnsOf(withStatus({ phase: 'Enriching', conditions }))).not.toHaveProperty('processing_phases');
});

test('the trap of a missing completedAt: a failed processing has no end', () => {
  const columns = columnsOf(
    withStatus({ phase: 'Failed', startTime: '2026-11-21T10:40:00Z', error: 'no such namespace' }),
  );
  expect(columns).toMatchObject({ status: 'failed', error_message: 'no such namespace' });
  expect(columns).not.toHaveProperty('completed_at');
});

test('the trap of cascaded failures: a processing that failed with its parent has no error of its own', () => {
  const columns = columnsOf(withStatus({ phase: 'Failed' }));
  expect(columns).toMatchObject({ status: 'failed' });
  expect(columns).not.toHaveProperty('error_message');
});

test('labels and annotations of the cluster are not carried', () => {
  for (const resource of Object.values(SIGNAL_PROCESSINGS)) {
    expect(JSON.stringify(columnsOf(resource))).not.toMatch(/hunter2|"token|annotations|labels"/);
  }
});

test('the object of source 002 has start, end, duration and results of each phase as its client posts them', () => {
  const columns = columnsOf(SIGNAL_PROCESSINGS['G1 as in source 002']);
  expect(parseJson(String(columns['processing_phases']))).toEqual([
    {
      phase: 'enriching',
      start_time: '2026-11-21T10:40:00.000000Z',
      end_time: '2026-11-21T10:40:03.500000Z',
      duration: '00:00:03.4',
      enrichmentResults: { contextQuality: 0.7, contextSizeBytes: 86, contextSources: 3, degradedMode: true },
    },
    {
      phase: 'classifying',
      start_time: '2026-11-21T10:40:03.500000Z',
      end_time: '2026-11-21T10:40:04.000000Z',
      duration: '00:00:00.45',
      classificationResults: {
        environment: 'Production',
        confidence: 0.9,
        businessCriticality: 'high',
        classificationMethod: 'namespace-label',
      },
    },
    {
      phase: 'categorizing',
      start_time: '2026-11-21T10:40:04.000000Z',
      end_time: '2026-11-21T10:40:05.000000Z',
      duration: '00:00:01',
      categorizationResults: { priority: 'P1', priorityScore: 87, source: 'enriched_context' },
    },
  ]);
  expect(columns).toMatchObject({
    environment: 'production',
    status: 'completed',
    enrichment_quality: '0.7',
  });
});

test('a word of another spelling stands in its column in that of the sources, and as it was written in extra', () => {
  const columns = columnsOf(SIGNAL_PROCESSINGS['G3']);
  expect(columns).toMatchObject({ environment: 'production', status: 'completed' });
  expect(parseJson(String(columns['extra']))).toMatchObject({
    as_written: { environment: 'Production', status: 'Completed' },
  });
  expect(columnsOf(withStatus({ environmentClassification: { environment: 'Blue' } }))).toMatchObject({
    environment: 'Blue',
  });
});

test('what only conditions say is recorded: the time taken in hundredths, and by what the severity was decided', () => {
  const status = {
    phase: 'Completed',
    startTime: '2026-11-21T10:40:00Z',
    completionTime: '2026-11-21T10:40:01Z',
    conditions: [
      {
        type: 'ClassificationComplete',
        status: 'True',
        message:
          'Classified: environment=production (source=namespace-labels), priority=P1 (source=rego-policy), severity=critical (source=rego-policy)',
      },
      {
        type: 'ProcessingComplete',
        status: 'True',
        message: 'Signal processed successfully in 0.42s: P1 production alert ready for remediation',
      },
      { type: 'Ready', status: 'True', message: 'ready' },
    ],
  };
  const columns = columnsOf(withStatus(status));
  const phases = parseJson(String(columns['processing_phases'])) as JsonObject[];
  expect(phases.at(-1)).toMatchObject({ phase: 'processing', duration: '00:00:00.42' });
  expect(parseJson(String(columns['extra']))).toMatchObject({
    severity_source: 'rego-policy',
    condition_messages: {
      ClassificationComplete: status.conditions[0]?.message,
      ProcessingComplete: status.conditions[1]?.message,
    },
  });
});

test('the first phase is the enrichment whenever any is known: queries of the sources look there', () => {
  const columns = columnsOf(withStatus({ priorityAssignment: { priority: 'P2' } }));
  expect(parseJson(String(columns['processing_phases']))).toMatchObject([
    { phase: 'enriching', start_time: '2026-11-21T10:40:00.000000Z' },
    { phase: 'categorizing' },
  ]);
});

test('the group decides between G1 and G2, whose status.error they share', () => {
  const resource = resourceOf('SignalProcessing', 'sp', {
    apiVersion: 'signalprocessing.kubernaut.ai/v1alpha1',
    spec: { remediationRequestRef: REFERENCE },
    status: { error: 'no such namespace' },
  });
  expect(columnsOf(resource)).toMatchObject({ source_shape: 'G1' });
});

test('a RemediationProcessing of G0 is the processing of its signal', () => {
  const [observation, ...others] = readable(
    readRemediationProcessing(REMEDIATION_PROCESSINGS['G0'] ?? {}, CONTEXT),
  ).observations;
  expect(others).toEqual([]);
  expect(observation?.columns).toMatchObject({
    signal_fingerprint: '4f1c22ab90de'.padEnd(64, '0'),
    context_size_bytes: '19',
    environment: 'production',
    priority: 'P1',
    status: 'completed',
    completed_at: '2026-11-21T10:40:02.000000Z',
    source_kind: 'RemediationProcessing',
    source_shape: 'G0',
  });
  expect(JSON.stringify(observation)).not.toContain('hunter2');
});
