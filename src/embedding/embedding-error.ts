/** The endpoint could not be asked, or asks to come back later: the same request may succeed. */
export class EmbeddingUnavailableError extends Error {
  /** HTTP status, if the endpoint answered at all. */
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.name = 'EmbeddingUnavailableError';
    this.status = status;
  }
}

/** The endpoint will never take this request, or its answer cannot be used: asking again changes nothing. */
export class EmbeddingRefusedError extends Error {
  /** HTTP status of the refusal; undefined when the answer was wrong. */
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.name = 'EmbeddingRefusedError';
    this.status = status;
  }
}
