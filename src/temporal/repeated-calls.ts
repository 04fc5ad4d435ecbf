import type { ConnectionOptions } from '@temporalio/client';
import { defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';

import { reasonOf } from '../domain/errors.ts';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type NextCall = Parameters<Interceptor>[1];
type Call = ReturnType<NextCall>;

/** What a call gives to who waits for it; the status is one of gRPC. */
interface Listener {
  readonly onReceiveMessage?: (message: null) => void;
  readonly onReceiveStatus?: (status: object) => void;
}

const CANCELLED = 1;

/**
 * The SDK sends a call that failed again after a pause. Where the connection was closed meanwhile, making the call throws, out of a
 * timer, which would end the process: a `work` that is stopped while Temporal is away, or a command. Here such a call ends as
 * cancelled, which nobody repeats, and who waits for it learns that.
 */
const endWhenClosed = (options: Parameters<Interceptor>[0], nextCall: NextCall): Call => {
  try {
    return nextCall(options);
  } catch (error: unknown) {
    return cancelledCall(reasonOf(error));
  }
};

/** What the SDK does by itself, and the end of calls whose connection is gone. */
export const REPEATED_CALLS: Interceptor[] = [
  makeGrpcRetryInterceptor(defaultGrpcRetryOptions()),
  // The type names a class of the library, of which the library calls no more than the methods of a call.
  endWhenClosed as Interceptor,
];

/** A call that ends as soon as it starts, as one does that the server has cancelled. */
function cancelledCall(details: string): Call {
  const nothing = (): void => undefined;
  const call = {
    start: (metadata: object, listener?: Listener): void => {
      // Before the status comes a message, also of a call without one.
      listener?.onReceiveMessage?.(null);
      listener?.onReceiveStatus?.({ code: CANCELLED, details, metadata });
    },
    ...{ sendMessage: nothing, sendMessageWithContext: nothing, startRead: nothing, halfClose: nothing },
    ...{ cancelWithStatus: nothing, getPeer: () => '', getAuthContext: () => null },
  };
  return call;
}
