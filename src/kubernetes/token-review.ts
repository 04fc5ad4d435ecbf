import { askForReview, type Reviewer } from './review.ts';

/** Whom the API server takes the bearer of a token for. */
export interface ReviewedUser {
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** Asks the API server whose token it is; undefined when it is nobody's. Without audiences the server's own hold. */
export async function reviewToken(
  reviewer: Reviewer,
  token: string,
  audiences: readonly string[],
): Promise<ReviewedUser | undefined> {
  const status = await askForReview(reviewer, '/apis/authentication.k8s.io/v1/tokenreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, ...(audiences.length === 0 ? {} : { audiences }) },
  });
  const user = status['user'] as Partial<ReviewedUser> | undefined;
  if (status['authenticated'] !== true || user?.username === undefined) return undefined;
  // A server that knows no audiences answers without them, and the token would be good for any.
  if (audiences.length > 0 && !isMeantForOne(status['audiences'], audiences)) return undefined;
  return { username: user.username, uid: user.uid ?? '', groups: user.groups ?? [], extra: user.extra ?? {} };
}

function isMeantForOne(answered: unknown, audiences: readonly string[]): boolean {
  return Array.isArray(answered) && answered.some((audience) => audiences.includes(String(audience)));
}
