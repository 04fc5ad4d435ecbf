/** Codes of gRPC, as Temporal answers with them. */
const GRPC = { invalidArgument: 3, resourceExhausted: 8 } as const;

export interface SignalFailure {
  /** A label of metrics. */
  readonly reason: 'away' | 'no-worker' | 'run-ended' | 'too-large' | 'refused';
  /** Temporal takes nothing from anybody now. */
  readonly isAway: boolean;
  /** The run was terminated with what it had not recorded: all of its remediation must be told again. */
  readonly losesRun: boolean;
}

const AWAY: SignalFailure = { reason: 'away', isAway: true, losesRun: false };

/** What Temporal's refusal of a signal means. Whatever it is, the state is offered again. */
export function classifySignalFailure(error: unknown): SignalFailure {
  const { code, details = '' } = causeOf(error);
  // Not from Temporal at all: it never got there.
  if (code === undefined) return refused('refused');
  if (code === GRPC.resourceExhausted && !/larger than max/i.test(details)) return AWAY;
  if (code !== GRPC.invalidArgument && code !== GRPC.resourceExhausted) return AWAY;
  if (/limit for signal events/i.test(details)) return refused('no-worker');
  if (/history size exceeds limit/i.test(details)) return { ...refused('run-ended'), losesRun: true };
  if (/blob data size exceeds|larger than max/i.test(details)) return refused('too-large');
  return refused('refused');
}

function refused(reason: SignalFailure['reason']): SignalFailure {
  return { reason, isAway: false, losesRun: false };
}

function causeOf(error: unknown): { code?: number; details?: string } {
  const cause = error instanceof Error ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null ? cause : {};
}
