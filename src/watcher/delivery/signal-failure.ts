import { rootReasonOf } from '../../domain/errors.ts';
import type { RemediationReference } from '../../kubernaut/observed-remediation.ts';
import type { Tracked } from '../state/tracked.ts';
import type { WatcherEvents, WatcherOptions } from '../watcher-options.ts';
import type { WaitingState } from './remediation-queue.ts';

/** Codes of gRPC, as Temporal answers with them. */
const GRPC = { invalidArgument: 3, resourceExhausted: 8 } as const;

/** A label of metrics. */
type SignalFailureReason =
  | 'away'
  | 'signal-limit'
  | 'history-limit'
  | 'payload-too-large'
  | 'no-worker'
  | 'refused';

interface SignalFailure {
  readonly reason: SignalFailureReason;
  /** Temporal takes nothing from anybody now. */
  readonly isAway: boolean;
  /** The run was terminated with what it had not recorded: all of its remediation must be sent again. */
  readonly losesRun: boolean;
  /** What is to be done, in one sentence; absent where waiting is enough. */
  readonly remedy?: string;
}

/** Temporal takes the other states of a remediation, and not those of these resources, however they are sent. */
export class StateRefusedError extends Error {
  readonly refused: readonly Tracked[];

  constructor(refused: readonly Tracked[], cause: unknown) {
    const names = refused.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`).join(', ');
    super(`Temporal refuses one observation of ${names} by itself`, { cause });
    this.name = 'StateRefusedError';
    this.refused = refused;
  }
}

const REMEDIES = {
  'signal-limit':
    'its run has taken as many signals as one may; a worker has to take up what waits in it, see why the run does not go on',
  'history-limit':
    'Temporal has ended the run of this remediation; what it had not recorded is sent again from the cluster',
  'payload-too-large': 'raise limit.blobSize.error of the Temporal namespace to 2 MiB, its default',
  'no-worker': 'start a worker: none asks Temporal for work on the recording queue',
} as const;

/** Why Temporal refused a signal, and what follows. The states are offered again in any case. */
export function classifySignalFailure(error: unknown): SignalFailure {
  const { code, details = '' } = causeOf(error);
  // Not from Temporal at all: it never got there.
  if (code === undefined) return { reason: 'refused', isAway: false, losesRun: false };
  const isLarge = /blob data size exceeds|larger than max/i.test(details);
  const isRefusal = code === GRPC.invalidArgument || (code === GRPC.resourceExhausted && isLarge);
  if (!isRefusal) return { reason: 'away', isAway: true, losesRun: false };
  if (isLarge) return refused('payload-too-large');
  if (/limit for signal events/i.test(details)) return refused('signal-limit');
  if (/history (?:size|count) exceeds limit/i.test(details))
    return { ...refused('history-limit'), losesRun: true };
  return { reason: 'refused', isAway: false, losesRun: false };
}

/** A run that takes no more signals, and nobody to take up those it has. */
function withoutWorker(failure: SignalFailure): SignalFailure {
  return failure.reason === 'signal-limit' ? refused('no-worker') : failure;
}

function refused(reason: keyof typeof REMEDIES): SignalFailure {
  return { reason, isAway: false, losesRun: false, remedy: REMEDIES[reason] };
}

function causeOf(error: unknown): { code?: number; details?: string } {
  if (error instanceof StateRefusedError) return causeOf(error.cause);
  const cause = error instanceof Error ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null ? cause : {};
}

interface SignalFailuresOptions extends Pick<WatcherOptions, 'cluster' | 'metrics' | 'logger' | 'hasWorker'> {
  readonly events: Pick<WatcherEvents, 'runsLost'>;
}

/** Counts and logs each signal that Temporal did not take, with the remedy. */
export class SignalFailures {
  readonly #options: SignalFailuresOptions;

  constructor(options: SignalFailuresOptions) {
    this.#options = options;
  }

  report(those: readonly WaitingState[], error: unknown): Pick<SignalFailure, 'isAway'> {
    const failure = classifySignalFailure(error);
    const remediation = those[0]?.state.reading.remediation;
    void this.#log(failure, remediation, error);
    if (failure.losesRun && remediation !== undefined)
      this.#options.events.runsLost(new Set([remediation.uid]));
    return failure;
  }

  async #log(
    failure: SignalFailure,
    remediation: RemediationReference | undefined,
    error: unknown,
  ): Promise<void> {
    const { cluster, metrics, logger, hasWorker } = this.#options;
    const isWithoutWorker = failure.reason === 'signal-limit' && (await hasWorker?.()) === false;
    const { reason, remedy } = isWithoutWorker ? withoutWorker(failure) : failure;
    metrics.signalErrors.inc({ cluster, reason });
    logger.warn(
      {
        ...(failure.isAway ? { server: 'temporal' } : {}),
        cluster,
        namespace: remediation?.namespace,
        remediation: remediation?.name,
        ...{ reason, message: rootReasonOf(error), remedy },
      },
      'sending a signal to Temporal failed: it is tried again',
    );
  }
}
