import { until } from './until.ts';

/** One event as a browser would see it. */
export interface ReceivedEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
  /** On the clock of `performance`. */
  readonly at: number;
}

/** Reads a stream of server-sent events until it ends or is closed. */
export class EventReader {
  readonly events: ReceivedEvent[] = [];
  readonly response: Response;
  readonly #gone: AbortController;
  /** Resolves when the stream has ended, whoever ended it. */
  readonly ended: Promise<void>;

  private constructor(response: Response, gone: AbortController) {
    this.response = response;
    this.#gone = gone;
    this.ended = this.#read().catch((error: unknown) => {
      if (!gone.signal.aborted) throw error;
    });
  }

  /** Settles when the service has answered, whatever it said. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<EventReader> {
    const gone = new AbortController();
    return new EventReader(await fetch(url, { headers, signal: gone.signal }), gone);
  }

  named(name: string): readonly ReceivedEvent[] {
    return this.events.filter(({ event }) => event === name);
  }

  /** Waits for so many events of a name; the newest. */
  async next(name: string, count = 1): Promise<ReceivedEvent> {
    await until(
      () => this.named(name).length >= count,
      () => `${count} events ${name} came; there are ${this.events.map(({ event }) => event).join(', ')}`,
      30_000,
    );
    const found = this.named(name).at(-1);
    if (found === undefined) throw new Error(`no event ${name} was wanted`);
    return found;
  }

  async close(): Promise<void> {
    this.#gone.abort();
    await this.ended;
  }

  async #read(): Promise<void> {
    let text = '';
    for await (const chunk of (this.response.body ?? new ReadableStream()).pipeThrough(
      new TextDecoderStream(),
    )) {
      const blocks = `${text}${chunk}`.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => {
        const [name = '', ...value] = line.split(': ');
        return [name, value.join(': ')];
      }),
    );
    this.events.push({
      event: fields.get('event') ?? 'message',
      id: fields.get('id'),
      data: fields.get('data') ?? '',
      at: performance.now(),
    });
  }
}
