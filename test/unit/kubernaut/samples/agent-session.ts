import type { JsonObject } from '../../../../src/domain/json.ts';
import { SELECTED } from './ai-analysis.ts';
import { CONDITIONS, KUBERNETES_CONTEXT, REFERENCE, REMEDIATION, resourceOf } from './parts.ts';

export const AGENT_SESSIONS: Readonly<Record<string, JsonObject>> = {
  G3: resourceOf('AgentSession', 'as', {
    metadata: { ownerReferences: [{ kind: 'AIAnalysis', name: `ai-${REMEDIATION.name}`, uid: 'ai-uid' }] },
    spec: {
      remediationRequestRef: REFERENCE,
      incidentID: `ai-${REMEDIATION.name}`,
      remediationID: REMEDIATION.name,
      signalName: 'CrashLoop',
      severity: 'critical',
      resourceKind: 'Deployment',
      errorMessage: 'token=abc',
      description: 'a description',
      signalLabels: { app: 'api' },
      signalAnnotations: { summary: 'x' },
      enrichmentResults: KUBERNETES_CONTEXT,
      timesOutAt: '2026-11-21T10:50:00Z',
    },
    status: {
      phase: 'Completed',
      sessionID: 'session-1',
      interactive: true,
      actingUser: 'ana@example.com',
      actingUserGroups: ['sre'],
      reason: 'PermanentError',
      error: 'none left',
      dispatchedAt: '2026-11-21T10:40:11Z',
      completedAt: '2026-11-21T10:41:27Z',
      conditions: CONDITIONS,
      result: {
        incidentID: 'x',
        analysis: 'A long text of what was found.',
        rootCauseAnalysis: { summary: 'memory limit too low' },
        selectedWorkflow: SELECTED,
        confidence: 0.94,
        timestamp: '2026-11-21T10:41:27Z',
        needsHumanReview: false,
        isActionable: true,
        warnings: ['short history'],
      },
    },
  }),
};
