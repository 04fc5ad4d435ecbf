import { setTimeout as delay } from 'node:timers/promises';

const CREATED = 201;
/** Kept elsewhere, on its way to the database. */
const ACCEPTED = 202;
/** What says: nothing was accepted, come again. */
const COME_AGAIN: readonly number[] = [429, 503];
/** A machine that is too busy to read what was sent in time says so; nothing was accepted then, either. */
const NOT_READ = 408;
const PAUSE_MS = 100;
/** Clients have one, too. The service answers within seconds. */
const ANSWER_DEADLINE_MS = 30_000;

export interface PostAnswer {
  readonly status: number;
  readonly sentAtMs: number;
}

/** Controllers that each send one record at a time, again and again, until the answer says that it is stored. */
export class Posters {
  /** By name, the ids that were answered. */
  readonly acknowledged = new Map<string, string>();
  readonly answers: PostAnswer[] = [];
  /** Answers that are neither a success nor a proper wish to come again. */
  readonly surprises: string[] = [];
  readonly #address: string;
  #unanswered = 0;

  constructor(address: string) {
    this.#address = address;
  }

  /** Answers of those statuses to posts that were sent after that moment. */
  count(statuses: readonly number[], sinceMs = 0): number {
    return this.answers.filter(({ status, sentAtMs }) => sentAtMs >= sinceMs && statuses.includes(status))
      .length;
  }

  /** What was acknowledged and how the posts were answered, for the message of a test that waits in vain. */
  describe(): string {
    const counts = Object.entries(Object.groupBy(this.answers, ({ status }) => status));
    const answers = counts.map(([status, of = []]) => `${of.length} with ${status}`).join(', ');
    return `${this.acknowledged.size} acknowledged; answered: ${answers}; not within ${ANSWER_DEADLINE_MS / 1_000} s: ${this.#unanswered}`;
  }

  /** Posts as the sources' client does: what was not answered, or not with success, is sent again. */
  async postUntilKept(name: string): Promise<void> {
    while (!(await this.#post(name))) await delay(PAUSE_MS);
  }

  async #post(name: string): Promise<boolean> {
    const sentAtMs = Date.now();
    const answer = await fetch(this.#address, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ execution_id: name, workflow_ref: 'under-fire', success: true }),
      signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
    })
      .then(async (response) => ({ response, text: await response.text() }))
      // The service was killed: nobody knows what became of the record.
      .catch((error: unknown) => {
        if (error instanceof Error && error.name === 'TimeoutError') this.#unanswered += 1;
        return undefined;
      });
    if (answer === undefined) return false;
    const { response, text } = answer;
    this.answers.push({ status: response.status, sentAtMs });
    if (response.status === CREATED || response.status === ACCEPTED) {
      this.acknowledged.set(name, (JSON.parse(text) as { id: string }).id);
      return true;
    }
    const saysWhen = COME_AGAIN.includes(response.status) && response.headers.get('retry-after') !== null;
    if (!saysWhen && response.status !== NOT_READ) this.surprises.push(`${response.status} ${text}`);
    return false;
  }
}
