import { reasonOf } from '../domain/errors.ts';
import type { ClusterConnection } from './cluster-connection.ts';

/** The API server gives no judgement now: it is away, overloaded, or does not let this service ask. */
export class ReviewUnavailableError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`the Kubernetes API gives no review: ${reason}`, options);
    this.name = 'ReviewUnavailableError';
  }
}

export type Reviewer = Pick<ClusterConnection, 'review'>;

/** The caller that waits for it gives up after 5 s, and its record has to be stored in them too. */
const REVIEW_TIMEOUT_MS = 2_000;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const CREATED = 201;
const OK = 200;

/** Asks for one review and gives its status. */
export async function askForReview(
  reviewer: Reviewer,
  path: string,
  review: object,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    const answer = await reviewer.review(
      path,
      JSON.stringify(review),
      AbortSignal.timeout(REVIEW_TIMEOUT_MS),
    );
    const { statusCode } = answer;
    if (statusCode !== CREATED && statusCode !== OK) {
      await answer.body.dump();
      throw new ReviewUnavailableError(refusalOf(statusCode));
    }
    const { status } = (await answer.body.json()) as { status?: Readonly<Record<string, unknown>> };
    return status ?? {};
  } catch (error: unknown) {
    if (error instanceof ReviewUnavailableError) throw error;
    throw new ReviewUnavailableError(reasonOf(error), {
      cause: error,
    });
  }
}

function refusalOf(statusCode: number): string {
  const isRefused = statusCode === UNAUTHORIZED || statusCode === FORBIDDEN;
  return isRefused
    ? `it answers ${statusCode} to this service; bind its service account to the cluster role system:auth-delegator`
    : `it answers ${statusCode}`;
}
