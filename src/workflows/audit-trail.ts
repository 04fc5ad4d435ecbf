import type { Observation } from '../domain/observation.ts';
import { isOlderVersion, recordName } from '../domain/observation.ts';
import { remediationAudit } from '../domain/records/remediation-audit.ts';
import type { AuditTrailState, RecordProgress, RemediationEnd, RemediationState } from './messages.ts';
import { operatorReason } from './operator-closure.ts';

/** Records that a run remembers; a remediation has a dozen. Partial records for one that is forgotten wait for the end. */
const MAX_REMEMBERED_RECORDS = 500;

/**
 * Resources that a run remembers as present, since it carries them on. Beyond, one is forgotten: at worst a run without a
 * remediation ends sooner, and what comes then has a run of its own.
 */
const MAX_PRESENT_RESOURCES = 1_000;

/** Phases that come from the remediation's own resource; others write into its record too. */
const OWN_PHASES: ReadonlySet<string> = new Set(['progress', 'closure']);

const NOTHING_YET: AuditTrailState = {
  records: {},
  parked: [],
  present: [],
  sawDeletion: false,
  attributes: {},
};

/** What became of an observation. `elsewhere`: a run of its own stores it. */
type Recorded = 'stored' | 'quarantined' | 'elsewhere';

/** What a run knows of its remediation: what was recorded, what waits for a sibling, and whether it is over. */
export class AuditTrail {
  readonly #records: Map<string, RecordProgress>;
  readonly #present: Set<string>;
  readonly #pending: Observation[];
  #sawDeletion: boolean;
  #skipReason: string | undefined;
  remediation: RemediationState | undefined;
  end: RemediationEnd | undefined;

  constructor(state: AuditTrailState = NOTHING_YET) {
    this.#records = new Map(Object.entries(state.records));
    this.#present = new Set(state.present);
    this.#pending = [...state.parked];
    this.#sawDeletion = state.sawDeletion;
    this.#skipReason = state.skipReason;
    this.remediation = state.hub;
    this.end = state.end;
  }

  get records(): Readonly<Record<string, RecordProgress>> {
    return Object.fromEntries(this.#records);
  }

  get pending(): readonly Observation[] {
    return this.#pending;
  }

  get skipReason(): string | undefined {
    return this.#skipReason;
  }

  /** Resources without a remediation, and all of them are gone. */
  isAbandoned(): boolean {
    return this.remediation === undefined && this.#sawDeletion && this.#present.size === 0;
  }

  /** A partial record waits until its record was stored by an observation of its own, at the latest until the end. */
  mustWait(observation: Observation): boolean {
    return (
      observation.fragment === true && this.end === undefined && !this.#records.has(recordName(observation))
    );
  }

  addPending(partial: Observation): void {
    this.#pending.push(partial);
  }

  /** Partial records that need not wait any longer; they are the caller's from now on. */
  release(): Observation[] {
    const released = this.#pending.filter((partial) => !this.mustWait(partial));
    if (released.length > 0) {
      this.#pending.splice(0, Infinity, ...this.#pending.filter((partial) => this.mustWait(partial)));
    }
    return released;
  }

  /** All that waits for its record, for somebody else to store. */
  takePending(): Observation[] {
    return this.#pending.splice(0);
  }

  noteRecorded(observation: Observation, recorded: Recorded): void {
    if (observation.fragment !== true && recorded !== 'elsewhere') this.#count(observation, recorded);
    this.#notePresence(observation);
    const { skip_reason: skipReason, verdict } = observation.columns;
    if (typeof skipReason === 'string' && skipReason !== '') this.#skipReason = skipReason;
    if (observation.table !== remediationAudit.table || !OWN_PHASES.has(observation.phase)) return;
    if (observation.resource !== undefined) this.remediation = laterState(this.remediation, observation);
    if (observation.phase === 'closure') this.#noteClosure(observation, verdict);
  }

  #noteClosure(closure: Observation, verdict: unknown): void {
    if (typeof verdict === 'string') this.end = { by: 'closure', verdict };
    else this.end ??= { by: 'operator', reason: operatorReason(closure) };
  }

  state(attributes: AuditTrailState['attributes']): AuditTrailState {
    return {
      records: this.records,
      parked: this.#pending,
      present: [...this.#present],
      sawDeletion: this.#sawDeletion,
      attributes,
      ...(this.remediation === undefined ? {} : { hub: this.remediation }),
      ...(this.end === undefined ? {} : { end: this.end }),
      ...(this.#skipReason === undefined ? {} : { skipReason: this.#skipReason }),
    };
  }

  #count(observation: Observation, recorded: 'stored' | 'quarantined'): void {
    const name = recordName(observation);
    const { stored, quarantined } = this.#records.get(name) ?? { stored: 0, quarantined: 0 };
    const isStored = recorded === 'stored';
    this.#records.set(name, {
      phase: observation.phase,
      stored: stored + (isStored ? 1 : 0),
      quarantined: quarantined + (isStored ? 0 : 1),
    });
    const [oldest] = this.#records.keys();
    if (this.#records.size > MAX_REMEMBERED_RECORDS && oldest !== undefined) this.#records.delete(oldest);
  }

  #notePresence({ resource }: Observation): void {
    if (resource === undefined) return;
    if (resource.deletedAt === undefined) {
      if (this.#present.size < MAX_PRESENT_RESOURCES) this.#present.add(resource.uid);
      return;
    }
    this.#present.delete(resource.uid);
    this.#sawDeletion = true;
  }
}

/** Observations may come out of order: an older one only adds what is not known. */
function laterState(
  known: RemediationState | undefined,
  { sourceVersion, createdAt, columns }: Observation,
): RemediationState {
  const seen = {
    version: sourceVersion,
    createdAt,
    ...textOf('phase', columns['overall_phase']),
    ...textOf('outcome', columns['outcome']),
    ...textOf('failurePhase', columns['failure_phase']),
    ...textOf('startedAt', columns['started_at']),
    ...textOf('completedAt', columns['completed_at']),
  };
  if (known === undefined) return seen;
  return isOlderVersion(sourceVersion, known.version) ? { ...seen, ...known } : { ...known, ...seen };
}

function textOf<Name extends string>(name: Name, value: unknown): { readonly [N in Name]?: string } {
  return typeof value === 'string' && value !== '' ? ({ [name]: value } as Record<Name, string>) : {};
}
