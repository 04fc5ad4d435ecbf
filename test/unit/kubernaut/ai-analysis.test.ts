import { describe, expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import { parseJson } from '../../../src/domain/json.ts';
import type { Observation } from '../../../src/domain/observation.ts';
import { readAiAnalysis } from '../../../src/kubernaut/ai-analysis.ts';
import { readable } from '../../support/readings.ts';
import { AI_ANALYSES } from './samples/ai-analysis.ts';
import { CONTEXT, REFERENCE, REMEDIATION, resourceOf } from './samples/parts.ts';

function observationsOf(resource: JsonObject | undefined): readonly Observation[] {
  return readable(readAiAnalysis(resource ?? {}, CONTEXT)).observations;
}

function phasesOf(resource: JsonObject | undefined): Readonly<Record<string, Observation['columns']>> {
  return Object.fromEntries(observationsOf(resource).map(({ phase, columns }) => [phase, columns]));
}

const withStatus = (status: JsonObject): JsonObject =>
  resourceOf('AIAnalysis', 'ai', { spec: { remediationRequestRef: REFERENCE }, status });

test('a fresh analysis is an investigation that has said nothing yet', () => {
  const resource = resourceOf('AIAnalysis', 'ai', { spec: { remediationRequestRef: REFERENCE } });
  expect(Object.keys(phasesOf(resource))).toEqual(['investigation']);
});

test.each(['G3', 'G2'])('%s says each phase with the columns of that phase', (generation) => {
  const { investigation, analysis, recommendation, approval } = phasesOf(AI_ANALYSES[generation]);
  expect(investigation).toMatchObject({
    crd_name: `ai-${REMEDIATION.name}`,
    environment: 'production',
    investigation_report: 'memory limit too low',
  });
  expect(analysis).toMatchObject({
    analysis_end: '2026-11-21T10:41:30.000000Z',
    confidence_score: '0.94',
    completion_status: 'completed',
  });
  expect(recommendation).toMatchObject({
    top_recommendation: generation === 'G3' ? 'restart-deployment' : 'RestartDeployment',
  });
  expect(parseJson(String(recommendation?.['recommendations']))).toHaveLength(2);
  expect(approval).toMatchObject({ approval_required: true });
  expect(investigation).not.toHaveProperty('confidence_score');
  expect(recommendation).not.toHaveProperty('crd_name');
});

test('contributing factors stand in extra and the summary is the report', () => {
  const { investigation } = phasesOf(AI_ANALYSES['G3']);
  expect(parseJson(String(investigation?.['extra']))).toMatchObject({
    contributing_factors: ['a recent deployment'],
    root_cause: 'The image cannot start with so little memory.',
  });
});

test('whether approval was required belongs to the remediation, which is not its own record', () => {
  const approval = observationsOf(AI_ANALYSES['G3']).find(({ phase }) => phase === 'approval');
  expect(approval).toMatchObject({ table: 'remediation_audit', key: REMEDIATION.uid });
  expect(approval?.columns).not.toHaveProperty('source_uid');
});

test('an approval that is not required is known once the analysis has ended', () => {
  expect(phasesOf(withStatus({ phase: 'Investigating', approvalRequired: false }))).not.toHaveProperty(
    'approval',
  );
  expect(phasesOf(withStatus({ phase: 'Completed', approvalRequired: false }))).toMatchObject({
    approval: { approval_required: false },
  });
});

test('G0 is read through its own paths, and its time of unknown unit is no duration', () => {
  const { investigation, analysis, recommendation } = phasesOf(AI_ANALYSES['G0']);
  expect(analysis).toMatchObject({ confidence_score: '0.8', completion_status: 'completed' });
  expect(recommendation).toMatchObject({
    top_recommendation: 'increase-memory-limit',
    recommendations: '[{"action":"increase-memory-limit"}]',
  });
  expect(investigation).not.toHaveProperty('investigation_duration_ms');
  expect(investigation).not.toHaveProperty('investigation_end');
});

test('G0a has hypotheses, transitions and probabilities', () => {
  const { investigation, analysis, recommendation } = phasesOf(AI_ANALYSES['G0a']);
  expect(investigation).toMatchObject({
    root_cause_count: '2',
    investigation_start: '2026-11-21T10:40:00.000000Z',
  });
  expect(analysis).toMatchObject({
    analysis_start: '2026-11-21T10:41:00.000000Z',
    analysis_end: '2026-11-21T10:42:00.000000Z',
    hallucination_detected: false,
  });
  expect(recommendation).toMatchObject({
    recommendation_start: '2026-11-21T10:42:00.000000Z',
    top_recommendation: 'increase-memory-limit',
    effectiveness_probability: '0.88',
    historical_success_rate: '0.9',
    workflow_crd_name: 'wf-1',
  });
});

test('an empty list of recommendations is none', () => {
  expect(phasesOf(withStatus({ phase: 'Completed', recommendations: [] }))).not.toHaveProperty(
    'recommendation',
  );
});

test('a reference by name alone is resolved by the resources the reader knows, else waits', () => {
  const resource = resourceOf('AIAnalysis', 'ai', { spec: { remediationRequestRef: REMEDIATION.name } });
  expect(readAiAnalysis(resource, CONTEXT)).toEqual({ unread: 'no-remediation' });
  const known = { ...CONTEXT, remediationUid: () => 'known-uid' };
  expect(readable(readAiAnalysis(resource, known)).remediation).toEqual({
    namespace: REMEDIATION.namespace,
    name: REMEDIATION.name,
    uid: 'known-uid',
  });
});

describe('the trap of', () => {
  test('milliseconds, not seconds: an investigation of 76250 took a minute and a quarter', () => {
    const { investigation } = phasesOf(AI_ANALYSES['G2']);
    expect(investigation).toMatchObject({
      investigation_start: '2026-11-21T10:40:10.000000Z',
      investigation_end: '2026-11-21T10:41:26.250000Z',
      investigation_duration_ms: '76250',
    });
  });

  test('an end that nobody measured: in G3 the session names it, and the analysis adds none of its own', () => {
    const { investigation } = phasesOf(AI_ANALYSES['G3']);
    expect(investigation).not.toHaveProperty('investigation_end');
    expect(investigation).toMatchObject({ investigation_duration_ms: '76250' });
    // The analysis itself began before its session did.
    expect(investigation).toMatchObject({
      analysis_start: '2026-11-21T10:40:05.000000Z',
      investigation_start: '2026-11-21T10:40:10.000000Z',
    });
  });

  test('a missing completedAt: an analysis that selected no workflow has no end', () => {
    const phases = phasesOf(withStatus({ phase: 'Failed', reason: 'NoWorkflowSelected', message: 'none' }));
    expect(Object.keys(phases)).toEqual(['investigation', 'analysis-failure']);
    expect(phases['analysis-failure']).toMatchObject({
      completion_status: 'failed',
      failure_reason: 'NoWorkflowSelected: none',
    });
  });

  test('cascaded failures: an analysis that failed with its parent says so', () => {
    const phases = phasesOf(withStatus({ phase: 'Failed', reason: 'ParentCancelled' }));
    expect(phases['analysis-failure']).toMatchObject({
      completion_status: 'failed',
      failure_reason: 'ParentCancelled',
    });
    expect(phases).not.toHaveProperty('approval');
  });

  test('phases passed unseen: one observation at the end says all of them', () => {
    expect(Object.keys(phasesOf(AI_ANALYSES['G3']))).toEqual([
      'investigation',
      'analysis',
      'recommendation',
      'approval',
    ]);
  });

  test('children before the remediation: an analysis is recorded without having seen it', () => {
    expect(observationsOf(AI_ANALYSES['G3'])[0]?.columns).toMatchObject({
      remediation_uid: REMEDIATION.uid,
      remediation_id: REMEDIATION.name,
    });
  });
});

test('an analysis that ended for a transient error ran out of time', () => {
  const phases = phasesOf(
    withStatus({ phase: 'Failed', reason: 'TransientError', subReason: 'MaxRetriesExceeded' }),
  );
  expect(phases['analysis-failure']).toMatchObject({
    completion_status: 'timeout',
    failure_reason: 'TransientError, MaxRetriesExceeded',
  });
});

test('how often it was polled stands nowhere', () => {
  expect(JSON.stringify(observationsOf(AI_ANALYSES['G3']))).not.toMatch(/poll/i);
});

test('a confidence that is no score costs that column only', () => {
  const reading = readable(readAiAnalysis(withStatus({ phase: 'Completed', confidence: 95 }), CONTEXT));
  expect(reading.observations.map(({ phase }) => phase)).toEqual(['investigation', 'analysis']);
  expect(reading.observations[1]?.columns).not.toHaveProperty('confidence_score');
  expect(reading.misshapen).toHaveLength(1);
});
