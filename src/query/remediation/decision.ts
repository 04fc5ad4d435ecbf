import type { JsonValue } from '../../domain/json.ts';
import type { Facts } from './facts.ts';
import { factAt, textIn, timeIn } from './facts.ts';

/**
 * How it is known who did something.
 *
 * - `self-reported`: the resource says so itself; whoever may write it may write any name.
 * - `managed-fields`: the API server notes which client wrote the newest status.
 * - `caller`: the service authenticated who posted it.
 * - `unknown`: nothing says who.
 */
export const HOW_KNOWN = ['self-reported', 'managed-fields', 'caller', 'unknown'] as const;
export type HowKnown = (typeof HOW_KNOWN)[number];

/** Who or what decided what becomes of the remediation. */
export interface Decision {
  /** `person`: somebody approved or rejected; `policy`: nobody was asked; `routing`: it was kept from running. */
  readonly kind: 'person' | 'expiry' | 'policy' | 'analysis' | 'routing' | 'cancellation' | 'open';
  readonly decision: string | null;
  readonly by: string | null;
  readonly how_known: HowKnown;
  readonly via: string | null;
  readonly at: string | null;
  readonly reason: string | null;
  /** What an approver put in the place of the recommended workflow. */
  readonly override: JsonValue;
}

interface DecisionFacts {
  readonly remediation: Facts;
  readonly analyses: readonly Facts[];
  readonly executions: readonly Facts[];
}

const NOBODY = { by: null, how_known: 'unknown', via: null, at: null, override: null } as const;

/** The last word: a cancellation over an approval, an approval over a policy, both over what kept it from running. */
export function decisionOf(facts: DecisionFacts): Decision {
  return (
    cancelled(facts) ?? approved(facts) ?? reviewed(facts) ?? routed(facts) ?? byPolicy(facts) ?? UNDECIDED
  );
}

const UNDECIDED: Decision = { ...NOBODY, kind: 'open', decision: null, reason: null };

function cancelled({ remediation }: DecisionFacts): Decision | undefined {
  if (textIn(remediation, 'overall_phase')?.toLowerCase() !== 'cancelled') return undefined;
  return {
    ...NOBODY,
    kind: 'cancellation',
    decision: 'Cancelled',
    // The tool's own patch names nobody; `lastModifiedBy` is there where a definition keeps it.
    ...selfReported(textIn(remediation, 'extra', 'last_modified_by')),
    at: timeIn(remediation, 'completed_at'),
    reason: textIn(remediation, 'extra', 'message'),
  };
}

function approved({ remediation }: DecisionFacts): Decision | undefined {
  const decision = textIn(remediation, 'approval_decision');
  const isAsked = remediation['approval_required'] === true;
  if (decision === null && !isAsked) return undefined;
  return {
    ...NOBODY,
    kind: decision === null ? 'open' : decision === 'Expired' ? 'expiry' : 'person',
    decision: decision ?? 'AwaitingApproval',
    ...selfReported(textIn(remediation, 'approval_decided_by')),
    via: textIn(remediation, 'approval_decided_via'),
    at: timeIn(remediation, 'approval_decided_at'),
    reason:
      textIn(remediation, 'extra', 'approval_message') ?? textIn(remediation, 'extra', 'approval_reason'),
    override: factAt(remediation, 'approval_override') ?? null,
  };
}

/** The analysis wants a person to look, or found that there is nothing to do. */
function reviewed({ remediation, analyses }: DecisionFacts): Decision | undefined {
  const analysis = analyses.at(-1);
  const outcome = textIn(remediation, 'outcome');
  const failedThere = textIn(remediation, 'failure_phase') === 'AIAnalysis';
  const isByAnalysis = outcome === 'NoActionRequired' || outcome === 'ManualReviewRequired' || failedThere;
  if (!isByAnalysis || analysis === undefined || textIn(remediation, 'failure_phase') === 'Blocked')
    return undefined;
  const reason = textIn(analysis, 'failure_reason') ?? textIn(analysis, 'extra', 'message');
  return {
    ...NOBODY,
    kind: 'analysis',
    decision: outcome,
    by: textIn(analysis, 'crd_name'),
    how_known: 'self-reported',
    reason,
  };
}

/** Only where nothing was executed: a block that ended decided nothing. */
function routed({ executions }: DecisionFacts): Decision | undefined {
  if (executions.some((one) => textIn(one, 'skip_reason') === null)) return undefined;
  const block = executions.at(-1);
  if (block === undefined) return undefined;
  return {
    ...NOBODY,
    kind: 'routing',
    decision: textIn(block, 'skip_reason'),
    reason: textIn(block, 'extra', 'block_message'),
  };
}

function byPolicy({ remediation }: DecisionFacts): Decision | undefined {
  if (remediation['approval_required'] !== false) return undefined;
  return {
    ...NOBODY,
    kind: 'policy',
    decision: textIn(remediation, 'extra', 'approval_policy', 'decision'),
    ...selfReported(textIn(remediation, 'extra', 'approval_policy', 'policyName')),
    reason: textIn(remediation, 'extra', 'approval_reason'),
  };
}

const selfReported = (by: string | null): Pick<Decision, 'by' | 'how_known'> =>
  by === null ? { by, how_known: 'unknown' } : { by, how_known: 'self-reported' };

/** A controller, client or caller that wrote what is recorded. */
export interface Actor {
  readonly actor: string;
  readonly how_known: HowKnown;
  /** Kinds of the records that it wrote, in the order of the first of each. */
  readonly kinds: readonly string[];
}

/** Most actors that one summary names; the timeline has all. */
const MAX_ACTORS = 20;

interface WrittenEvent {
  readonly actor: string | null;
  readonly how_known: HowKnown;
  readonly kind: string;
}

/**
 * Who wrote the events of a timeline, each once, in the order in which they first did. A person that a resource names is part
 * of the decision instead: nobody saw them write.
 */
export function actorsOf(events: readonly WrittenEvent[]): readonly Actor[] {
  const actors = new Map<string, Actor>();
  for (const { actor, how_known: how, kind } of events) {
    if (actor === null || how === 'self-reported') continue;
    // A caller may have the name of a controller.
    const key = `${how} ${actor}`;
    const kinds = actors.get(key)?.kinds ?? [];
    if (kinds.includes(kind)) continue;
    actors.set(key, { actor, how_known: how, kinds: [...kinds, kind] });
  }
  return [...actors.values()].slice(0, MAX_ACTORS);
}
