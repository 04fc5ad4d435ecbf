import { createHash } from 'node:crypto';

import { utf8Length } from '../domain/bounds.ts';
import { canonicalJson } from '../domain/json.ts';
import { MAX_SIGNAL_BYTES, MAX_SIGNAL_OBSERVATIONS } from '../domain/limits.ts';
import type { Observation, ObservedResource } from '../domain/observation.ts';
import { definitionOf } from '../domain/records/index.ts';
import type { Redactor } from '../domain/redaction.ts';
import { boundObservation } from '../kubernaut/bound-observation.ts';
import type { WatcherMetrics } from '../observability/watcher-metrics.ts';
import type { RemediationSignals } from '../temporal/remediation-signals.ts';
import type { PendingState, Tracked } from './tracked.ts';

export interface ObservationSenderOptions {
  readonly cluster: string;
  readonly signals: RemediationSignals;
  readonly redactor: Redactor;
  readonly metrics: WatcherMetrics;
}

interface Prepared {
  readonly observation: Observation & { readonly resource: ObservedResource };
  readonly name: string;
  readonly hash: string;
}

/**
 * Hands a state to Temporal: of its observations those that say something else than Temporal has already. Resolves when
 * all of them are durable there. Each is remembered as soon as it is, so that a second attempt sends the rest.
 */
export function createObservationSender(options: ObservationSenderOptions) {
  const { cluster, signals, metrics } = options;
  return async (tracked: Tracked, state: PendingState): Promise<void> => {
    const { reading } = state;
    const { target } = reading;
    const resource = { ...identityOf(tracked), ...(state.phase === undefined ? {} : { phase: state.phase }) };
    const prepared = reading.observations.map((observation) => prepare(observation, resource, options));
    const projectionHash = sha256(prepared.map(({ name, hash }) => `${name} ${hash}`).join('\n'));
    // The database has all of it, from an earlier life of this process or from another watcher.
    if (tracked.sentHash === undefined && tracked.recordedHash === projectionHash)
      remember(tracked, prepared);
    const changed = prepared.filter(({ name, hash }) => tracked.sent.get(name) !== hash);
    const remediation = { cluster, ...reading.remediation };
    const summary = options.redactor.redactText(reading.summary).value;
    const about = { remediation, summary, ...(target === undefined ? {} : { target }) };
    /** Whether all went to the run that had taken what was sent before. */
    const sendAll = async (those: readonly Prepared[]): Promise<boolean> => {
      const before = tracked.sentToRun;
      for (const list of inSignals(those)) {
        const observations = list.map((one) =>
          one === those.at(-1) ? withHash(one, projectionHash) : one.observation,
        );
        tracked.sentToRun = await signals.send({ ...about, observations });
        tracked.sentAtMs = Date.now();
        for (const one of list) tracked.sent.set(one.name, one.hash);
        metrics.observationsSignalled.inc({ cluster, kind: tracked.kind }, list.length);
      }
      return before === undefined || before === tracked.sentToRun;
    };
    const wasRecorded = tracked.sentHash === tracked.recordedHash;
    // If the run before was terminated, the rest of the state may have gone with it, unrecorded.
    if (!(await sendAll(changed)) && !wasRecorded) await sendAll(prepared);
    tracked.sentHash = projectionHash;
  };
}

/** What fits in one signal each, in order. */
function inSignals(those: readonly Prepared[]): Prepared[][] {
  const lists: Prepared[][] = [];
  let bytes = Infinity;
  for (const one of those) {
    const size = utf8Length(JSON.stringify(one.observation));
    bytes += size;
    if (bytes > MAX_SIGNAL_BYTES || lists.at(-1)?.length === MAX_SIGNAL_OBSERVATIONS) {
      lists.push([]);
      bytes = size;
    }
    lists.at(-1)?.push(one);
  }
  return lists;
}

function remember(tracked: Tracked, prepared: readonly Prepared[]): void {
  for (const { name, hash } of prepared) tracked.sent.set(name, hash);
}

function identityOf({ kind, namespace, name, uid }: Tracked): ObservedResource {
  return { kind, namespace, name, uid };
}

/** Before anything leaves this process: what Temporal was given, its history keeps. */
function prepare(
  given: Observation,
  resource: ObservedResource,
  { cluster, redactor, metrics }: ObservationSenderOptions,
): Prepared {
  const redacted = redactor.redactColumns(definitionOf(given.table), given.columns);
  for (const [rule, count] of Object.entries(redacted.counts))
    metrics.redactions.inc({ cluster, rule }, count);
  const bounded = boundObservation({ ...given, columns: redacted.value }, sha256);
  const observation = { ...bounded, resource: { ...resource, ...given.resource } };
  return {
    observation,
    name: `${given.table} ${given.key} ${given.phase}`,
    hash: contentHash(observation),
  };
}

function withHash({ observation }: Prepared, projectionHash: string): Observation {
  return { ...observation, resource: { ...observation.resource, projectionHash } };
}

/** Of what it says; when it was seen, and under which version, is no part of that. */
function contentHash({ columns, fragment, resource }: Prepared['observation']): string {
  const content = [{ ...columns }, fragment ?? false, resource.phase ?? '', resource.deletedAt ?? ''];
  return sha256(canonicalJson(content));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
