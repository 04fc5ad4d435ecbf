import type { Config } from '../config/config.ts';
import type { Logger } from '../observability/logger.ts';
import type { Closing } from '../services/running-service.ts';

/** What the checks are made from. */
export interface Examined {
  readonly config: Config;
  readonly logger: Logger;
  /** Takes what is opened for the checks. */
  readonly closing: Closing;
  /** Milliseconds since 1970 by the clock of this machine. */
  readonly nowMs: () => number;
}
