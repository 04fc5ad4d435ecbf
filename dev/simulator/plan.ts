import { createHash } from 'node:crypto';

import type { Scenario } from './catalogue.ts';
import { SCENARIOS } from './catalogue.ts';
import type { Generation } from './generations.ts';
import type { Random } from './random.ts';
import { createRandom, createRandomFor } from './random.ts';
import type { Branch } from './stories.ts';

/** What a simulation is drawn from. The same choice gives the same remediations. */
export interface Choice {
  seed: number;
  generation: Generation;
  /** Dealt in a seeded order until each was played, then anew. One that stands here twice is played twice as often. */
  branches: readonly Branch[];
}

/** Everything about a remediation that is decided before it begins. */
export interface RemediationPlan {
  generation: Generation;
  branch: Branch;
  name: string;
  fingerprint: string;
  scenario: Scenario;
  /** Whose workflow a person chooses who overrides the proposed one. */
  overriding: Scenario;
  confidence: number;
  /** Name of another remediation of the same signal. */
  other: string;
  /** Decides how long its steps take. */
  pace: number;
}

const SEEDS = 2 ** 32;
const FINGERPRINT_IN_NAME = 12;
const FINGERPRINT_IN_OLD_NAME = 16;
const UNIQUE_IN_NAME = 8;
/** Keeps the order in which branches are dealt apart from what each remediation draws. */
const DEALING = 0x5eed;

/**
 * The remediation at an index. Its name differs with the attempt, for names that are taken; nothing else does.
 */
export function planRemediation(choice: Choice, index: number, attempt = 0): RemediationPlan {
  const random = createRandomFor(choice.seed, index);
  const scenario = random.pick(SCENARIOS);
  const plan = {
    generation: choice.generation,
    branch: dealtBranch(choice, index),
    scenario,
    overriding: random.pick(SCENARIOS.filter((other) => other !== scenario) as [Scenario, ...Scenario[]]),
    confidence: Math.round(random.between(0.9, 0.955) * 100) / 100,
    pace: Math.floor(random.next() * SEEDS),
  };
  for (let taken = 0; taken < attempt; taken += 1) random.hex(UNIQUE_IN_NAME);
  // Of the branch too, so that two branches of one seed can be played side by side.
  const unique = sha256(`${random.hex(UNIQUE_IN_NAME)} ${plan.branch}`).slice(0, UNIQUE_IN_NAME);
  return { ...plan, ...namesOf(plan, unique, random) };
}

/** What a simulation will play: the oracle of whoever compares it with what was seen. */
export const planSimulation = (choice: Choice, count: number): readonly RemediationPlan[] =>
  Array.from({ length: count }, (_, index) => planRemediation(choice, index));

/** Since January 2026 each occurrence of a signal has a name of its own; before, the fingerprint was the name. */
function namesOf(plan: { generation: Generation; scenario: Scenario }, unique: string, random: Random) {
  if (plan.generation === 'G1' || plan.generation === 'G0') {
    const [fingerprint, other] = [unique, random.hex(UNIQUE_IN_NAME)].map((salt) =>
      fingerprintOf(plan.scenario, salt),
    ) as [string, string];
    const nameFor = (digest: string): string => `rr-${digest.slice(0, FINGERPRINT_IN_OLD_NAME)}`;
    return { fingerprint, name: nameFor(fingerprint), other: nameFor(other) };
  }
  const fingerprint = fingerprintOf(plan.scenario);
  const nameFor = (suffix: string): string => `rr-${fingerprint.slice(0, FINGERPRINT_IN_NAME)}-${suffix}`;
  return { fingerprint, name: nameFor(unique), other: nameFor(random.hex(UNIQUE_IN_NAME)) };
}

function dealtBranch({ seed, branches }: Choice, index: number): Branch {
  const round = Math.floor(index / branches.length);
  const random = createRandomFor(seed ^ DEALING, round);
  const deck = [...branches];
  // Fisher and Yates: every order is as likely as any other.
  for (let last = deck.length - 1; last > 0; last -= 1) {
    const chosen = Math.floor(random.next() * (last + 1));
    [deck[last], deck[chosen]] = [deck[chosen] as Branch, deck[last] as Branch];
  }
  const branch = deck[index % branches.length];
  if (branch === undefined) throw new Error('a simulation needs at least one branch');
  return branch;
}

export const paceOf = ({ pace }: RemediationPlan): Random => createRandom(pace);

/** `namespace/Kind/name`, or `Kind/name` of what belongs to no namespace. */
export function targetText({ target }: Scenario): string {
  const { namespace, kind, name } = target;
  return namespace === undefined ? `${kind}/${name}` : `${namespace}/${kind}/${name}`;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The same text gives the same id in every run. */
export function uuidOf(text: string): string {
  const digest = sha256(text);
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

/** The same signal on the same target has the same fingerprint each time. */
const fingerprintOf = (scenario: Scenario, salt = ''): string =>
  sha256(`${scenario.signalName} ${targetText(scenario)}${salt}`);
