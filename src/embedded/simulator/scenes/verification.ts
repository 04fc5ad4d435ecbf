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
      phaseProgress: {
        verificationDeadline: '@now+30m',
        effectivenessAssessmentRef: '@ref EA',
        currentProcessingRef: '@ref EA',
      },
    },
  },
  { after: '0.1s', update: 'EA', status: { phase: 'Pending', validityDeadline: '@now+30m' } },
  {
    after: '1s',
    update: 'EA',
    status: {
      phase: 'Stabilizing',
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
    status: { phase: 'Assessing', components: { healthAssessed: true, healthScore: 1 } },
  },
  { after: '15s', update: 'EA', status: { components: { metricsAssessed: true, metricsScore: 0.82 } } },
  {
    after: '15s..90s',
    update: 'EA',
    status: {
      phase: 'Completed',
      assessmentReason: 'Full',
      message,
      completedAt: '@now',
      components: { alertAssessed: true, ...scores },
      conditions: [condition('AssessmentComplete', 'Full', message)],
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
    status: { phase: 'Assessing', components: { healthAssessed: true, healthScore: 1 } },
  },
];
