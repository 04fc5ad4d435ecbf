import type { Step, TemplateObject } from '../step.ts';
import { condition } from './signal.ts';

/** The assessment exists, and waits for the target to settle. */
export const verificationBegins: readonly Step[] = [
  { after: '1s..6s', create: 'EA' },
  {
    update: 'RR',
    only: ['G3', 'G2'],
    status: {
      overallPhase: 'Verifying',
      message: 'Assessing whether the remediation helped',
      phaseProgress: { verificationDeadline: '@now+30m' },
      conditions: [condition('WorkflowExecutionComplete', 'WorkflowSucceeded', 'The workflow succeeded')],
    },
  },
  {
    update: 'RR',
    only: ['G3', 'G2'],
    status: {
      phaseProgress: { effectivenessAssessmentRef: '@ref EA', currentProcessingRef: '@ref EA' },
    },
  },
  {
    after: '1s',
    update: 'EA',
    status: {
      phase: 'Stabilizing',
      validityDeadline: '@now+30m',
      conditions: [condition('Ready', 'TargetFound', 'The target is there')],
      prometheusCheckAfter: '@now+5m',
      alertManagerCheckAfter: '@now+5m',
      components: {
        healthAssessed: false,
        hashComputed: true,
        postRemediationSpecHash: '@specHash after',
        currentSpecHash: '@specHash after',
        alertAssessed: false,
        metricsAssessed: false,
      },
    },
  },
];

const assessed = (scores: TemplateObject, message: string): readonly Step[] => [
  ...verificationBegins,
  {
    after: '5m',
    update: 'EA',
    status: {
      phase: 'Assessing',
      components: {
        healthAssessed: true,
        healthScore: '@healthScore',
        metricsAssessed: true,
        metricsScore: 0.82,
      },
      conditions: [condition('SpecIntegrity', 'HashUnchanged', 'Nobody changed the target meanwhile')],
    },
  },
  {
    after: '30s..90s',
    update: 'EA',
    status: {
      phase: 'Completed',
      assessmentReason: 'Full',
      message,
      completedAt: '@now',
      components: { alertAssessed: true, ...scores },
      conditions: [
        condition('AssessmentComplete', 'Full', message),
        condition('EffectivenessComputed', 'Full', message),
      ],
    },
  },
];

export const verified = assessed({ alertScore: 1 }, 'The alert is resolved');
export const stillFiring = assessed({ alertScore: 0, alertDecayRetries: 3 }, 'The alert still fires');

/** The metrics never came; the remediation waits no longer than the assessment is valid. */
export const verifiesOn: readonly Step[] = [
  ...verificationBegins,
  {
    after: '5m',
    update: 'EA',
    status: { phase: 'Assessing', components: { healthAssessed: true, healthScore: '@healthScore' } },
  },
];
