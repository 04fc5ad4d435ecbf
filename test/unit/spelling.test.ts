import { expect, test } from 'vitest';

import { signalProcessingAudit } from '../../src/domain/records/signal-processing-audit.ts';
import { spellingOf } from '../../src/domain/spelling.ts';
import { readSignalProcessing } from '../../src/kubernaut/signal-processing.ts';
import { readable } from '../support/readings.ts';
import { accept } from './fixtures/intake/posting.ts';
import { CONTEXT, REFERENCE, resourceOf } from './kubernaut/samples/parts.ts';

const WORDS = ['production', 'staging'] as const;

test('a word has the spelling of its vocabulary whatever its case and hyphens, and an unknown word none', () => {
  expect(spellingOf('PRODUCTION', WORDS)).toBe('production');
  expect(spellingOf('Prod', WORDS)).toBe('production');
  expect(spellingOf('pre-production', WORDS)).toBeUndefined();
});

/** What a post and a watched resource say, so that `group by` counts them together. */
function storedOf(environment: string, status: string): readonly unknown[] {
  const body = JSON.stringify({ remediation_id: 'rr', signal_fingerprint: 'f', environment, status });
  const resource = resourceOf('SignalProcessing', 'sp', {
    spec: { remediationRequestRef: REFERENCE },
    status: { phase: status, environmentClassification: { environment } },
  });
  const posted = accept(signalProcessingAudit, body).observation.columns;
  const watched = readable(readSignalProcessing(resource, CONTEXT)).observations[0]?.columns;
  return [posted, watched].map((columns) => [columns?.['environment'], columns?.['status']]);
}

test.each([
  ['Production', 'Completed', 'production', 'completed'],
  ['prod', 'COMPLETED', 'production', 'completed'],
  // What nobody knows is what was said.
  ['Blue', 'Half done', 'Blue', 'Half done'],
])('%s and %s are one spelling in posts and in watched resources', (environment, status, ...spelled) => {
  expect(storedOf(environment, status)).toEqual([spelled, spelled]);
});
