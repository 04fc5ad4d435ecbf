import { createHash } from 'node:crypto';

import type { Scenario } from './catalogue.ts';
import { SCENARIOS } from './catalogue.ts';
import type { Random } from './random.ts';

/** The ways a remediation can go. */
export const BRANCHES = ['remediated', 'execution-failed'] as const;
export type Branch = (typeof BRANCHES)[number];

/** How long each phase lasts in life, in milliseconds. */
export interface Durations {
  pending: number;
  processing: number;
  analyzing: number;
  executing: number;
  verifying: number;
}

/** Everything about a remediation that is decided before it begins. */
export interface RemediationPlan {
  name: string;
  fingerprint: string;
  branch: Branch;
  scenario: Scenario;
  confidence: number;
  durations: Durations;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const FAILED_SHARE = 0.25;
const FINGERPRINT_IN_NAME = 12;
const UNIQUE_IN_NAME = 8;

/** One remediation of the catalogue; the same signal on the same target has the same fingerprint each time. */
export function planRemediation(random: Random): RemediationPlan {
  const scenario = random.pick(SCENARIOS);
  const fingerprint = fingerprintOf(scenario);
  return {
    name: `rr-${fingerprint.slice(0, FINGERPRINT_IN_NAME)}-${random.hex(UNIQUE_IN_NAME)}`,
    fingerprint,
    branch: random.next() < FAILED_SHARE ? 'execution-failed' : 'remediated',
    scenario,
    confidence: Math.round(random.between(0.9, 0.955) * 100) / 100,
    durations: {
      pending: 100,
      processing: random.between(1 * SECOND, 3 * SECOND),
      analyzing: random.between(76 * SECOND, 136 * SECOND),
      executing: random.between(40 * SECOND, 3.5 * MINUTE),
      verifying: random.between(5 * MINUTE, 8 * MINUTE),
    },
  };
}

/** `namespace/Kind/name`, or `Kind/name` of what belongs to no namespace. */
export function targetText({ target }: Scenario): string {
  const { namespace, kind, name } = target;
  return namespace === undefined ? `${kind}/${name}` : `${namespace}/${kind}/${name}`;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const fingerprintOf = (scenario: Scenario): string =>
  sha256(`${scenario.signalName} ${targetText(scenario)}`);
