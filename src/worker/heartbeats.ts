import type { Context } from '@temporalio/activity';
import type { ActivityInterceptors } from '@temporalio/worker';

/** Heartbeats within the time in which Temporal wants one: two may get lost. */
const HEARTBEATS_PER_TIMEOUT = 3;

/**
 * Beats for every activity that is expected to, so that the work of a worker that was killed is given to another one long
 * before the activity's own time is up. An activity that ends sooner never beats.
 */
export function beatForActivities(context: Context): ActivityInterceptors {
  return {
    inbound: {
      async execute(input, next) {
        const { heartbeatTimeoutMs = 0 } = context.info;
        if (heartbeatTimeoutMs === 0) return next(input);
        const timer = setInterval(() => {
          context.heartbeat();
        }, heartbeatTimeoutMs / HEARTBEATS_PER_TIMEOUT);
        try {
          return await next(input);
        } finally {
          clearInterval(timer);
        }
      },
    },
  };
}
