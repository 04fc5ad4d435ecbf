import { proxyActivities } from '@temporalio/workflow';

import type { EmbeddingActivities, InvestigationReference } from '../activities/types.ts';

export const model = proxyActivities<EmbeddingActivities>({
  summary: 'index the investigation text',
  // Above what the embedder may take with its own retries.
  startToCloseTimeout: '3m',
  heartbeatTimeout: '30s',
  // Embedding can wait: the text is stored already.
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m' },
});

/**
 * Embeds investigation texts beside the recording, one at a time per investigation. A text that changed while it was
 * being embedded is embedded again. What is pending when a run continues as new begins anew in the next one.
 */
export class InvestigationEmbedding {
  readonly #pending = new Map<string, InvestigationReference>();
  /** The newest text of these is not being embedded yet. */
  readonly #changed = new Set<string>();
  readonly #running = new Set<string>();

  constructor(carriedOn: readonly InvestigationReference[]) {
    for (const investigation of carriedOn) this.add(investigation);
    this.begin();
  }

  add(investigation: InvestigationReference): void {
    this.#pending.set(investigation.id, investigation);
    this.#changed.add(investigation.id);
  }

  /** Begins with what was added. */
  begin(): void {
    for (const [id, investigation] of this.#pending) {
      if (!this.#changed.has(id) || this.#running.has(id)) continue;
      this.#running.add(id);
      // Only a cancelled run rejects here, and such a run ends: the activity is retried without limit.
      this.#embed(investigation).catch(() => this.#pending.delete(id));
    }
  }

  pending(): InvestigationReference[] {
    return [...this.#pending.values()];
  }

  isDone(): boolean {
    return this.#pending.size === 0;
  }

  async #embed(investigation: InvestigationReference): Promise<void> {
    const { id } = investigation;
    do {
      this.#changed.delete(id);
      await model.embedInvestigation(investigation);
    } while (this.#changed.has(id));
    this.#running.delete(id);
    this.#pending.delete(id);
  }
}
