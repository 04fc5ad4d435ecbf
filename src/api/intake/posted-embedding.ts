import type { Observation } from '../../domain/observation.ts';
import { hasInvestigation } from '../../domain/observation.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Deferral } from './deferring.ts';
import { createDeferring } from './deferring.ts';

/** Has the texts of posted analyses embedded, as those of watched ones are (ADR 25). */
interface PostedEmbedding {
  /** Returns at once: a text that is embedded late, or not at all, is stored all the same. */
  embed(stored: readonly Observation[]): void;
}

/** How long Temporal may take for one text, in milliseconds. Nobody waits for it. */
const TIMEOUT_MS = 5_000;
/** Beyond it more would only be held in memory. */
const MAX_EMBEDDING = 2_000;

/** A text that Temporal does not take in time is counted and left. Posting the analysis again embeds it. */
export function createPostedEmbedding(deferral: Deferral | undefined, metrics: Metrics): PostedEmbedding {
  const later = deferral === undefined ? undefined : createDeferring(deferral);
  let embedding = 0;
  return {
    embed(stored) {
      const texts = stored.filter(hasInvestigation);
      if (later === undefined || texts.length === 0) return;
      if (embedding + texts.length > MAX_EMBEDDING) {
        metrics.api.investigationsLeft.inc(texts.length);
        return;
      }
      embedding += texts.length;
      // The workflow finds the record there already, and then embeds its text.
      void later.deferEach(texts, TIMEOUT_MS).then((failures) => {
        embedding -= texts.length;
        metrics.api.investigationsLeft.inc(failures.filter((failure) => failure !== undefined).length);
      });
    },
  };
}
