import { expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import { parseJson } from '../../../src/domain/json.ts';
import type { Columns } from '../../../src/domain/records/definition.ts';
import { readSignalProcessing } from '../../../src/kubernaut/signal-processing.ts';
import { readable } from '../../support/readings.ts';
import { CONTEXT, REFERENCE, resourceOf } from './samples/parts.ts';
import { SIGNAL_PROCESSINGS } from './samples/signal-processing.ts';

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
    environment: 'Production',
    business_criticality: 'Critical',
    sla_requirement: 'Gold',
    priority: 'P0',
    completed_at: '2026-11-21T10:40:03.000000Z',
    status: 'Completed',
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
      end_time: '2026-11-21T10:40:01.000000Z',
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
  expect(columns).toMatchObject({ status: 'Failed', error_message: 'no such namespace' });
  expect(columns).not.toHaveProperty('completed_at');
});

test('the trap of cascaded failures: a processing that failed with its parent has no error of its own', () => {
  const columns = columnsOf(withStatus({ phase: 'Failed' }));
  expect(columns).toMatchObject({ status: 'Failed' });
  expect(columns).not.toHaveProperty('error_message');
});

test('labels and annotations of the cluster are not carried', () => {
  for (const resource of Object.values(SIGNAL_PROCESSINGS)) {
    expect(JSON.stringify(columnsOf(resource))).not.toMatch(/hunter2|"token|annotations|labels"/);
  }
});
