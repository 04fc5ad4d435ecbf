import type { Observation } from '../../domain/observation.ts';
import { hasInvestigation } from '../../domain/observation.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Deferral } from './deferring.ts';
import { createDeferring } from './deferring.ts';

/** Has the texts of posted analyses placed among the others, as those of watched ones are. */
interface Placing {
  /** Returns at once: a text that is placed late, or not at all, is stored all the same. */
  place(stored: readonly Observation[]): void;
}

const TIMEOUT_MS = 5_000;
/** Beyond it more would only be held in memory. */
const MAX_PLACING = 2_000;

export function createPlacing(deferral: Deferral | undefined, metrics: Metrics): Placing {
  const later = deferral === undefined ? undefined : createDeferring(deferral);
  let placing = 0;
  return {
    place(stored) {
      const texts = stored.filter(hasInvestigation);
      if (later === undefined || texts.length === 0) return;
      if (placing + texts.length > MAX_PLACING) {
        metrics.api.investigationsLeft.inc(texts.length);
        return;
      }
      placing += texts.length;
      // The workflow finds the record there already, and then places its text.
      void later.deferEach(texts, TIMEOUT_MS).then((failures) => {
        placing -= texts.length;
        metrics.api.investigationsLeft.inc(failures.filter((failure) => failure !== undefined).length);
      });
    },
  };
}
