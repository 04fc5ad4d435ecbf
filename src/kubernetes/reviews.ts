import { reasonOf } from '../domain/errors.ts';
import type { ClusterConnection } from './cluster-connection.ts';

/** The API server gives no judgement now: it is away, overloaded, or does not let this service ask. */
export class ReviewUnavailableError extends Error {
  /**
   * Whether it could not be reached, or failed itself. False where it answered and refused: to this service, or because it
   * is asked too much, which whoever sends invented tokens can bring about.
   */
  readonly isOutage: boolean;

  constructor(reason: string, { isOutage, cause }: { readonly isOutage: boolean; readonly cause?: unknown }) {
    super(`the Kubernetes API gives no review: ${reason}`, { cause });
    this.name = 'ReviewUnavailableError';
    this.isOutage = isOutage;
  }
}

export type Reviewer = Pick<ClusterConnection, 'review'>;

/** The caller that waits for it gives up after 5 s, and its record has to be stored in them too. */
const REVIEW_TIMEOUT_MS = 2_000;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const CREATED = 201;
const OK = 200;
const SERVER_ERROR = 500;

/** Asks for one review and gives its status. */
async function askForReview(
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
      throw new ReviewUnavailableError(refusalOf(statusCode), { isOutage: statusCode >= SERVER_ERROR });
    }
    const { status } = (await answer.body.json()) as { status?: Readonly<Record<string, unknown>> };
    return status ?? {};
  } catch (error: unknown) {
    if (error instanceof ReviewUnavailableError) throw error;
    throw new ReviewUnavailableError(reasonOf(error), { isOutage: true, cause: error });
  }
}

function refusalOf(statusCode: number): string {
  const isRefused = statusCode === UNAUTHORIZED || statusCode === FORBIDDEN;
  return isRefused
    ? `it answers ${statusCode} to this service; bind its service account to the cluster role system:auth-delegator`
    : `it answers ${statusCode}`;
}

/** A resource that exists only in roles: `audits` in the API group `remediation-audit`. */
const GROUP = 'remediation-audit';
const RESOURCE = 'audits';

/** Asks the API server whether its roles let the user do this to audit records. */
export async function reviewAccess(reviewer: Reviewer, user: ReviewedUser, verb: string): Promise<boolean> {
  const { username, uid, groups, extra } = user;
  const status = await askForReview(reviewer, '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: username,
      uid,
      groups,
      extra,
      resourceAttributes: { group: GROUP, resource: RESOURCE, verb },
    },
  });
  return status['allowed'] === true;
}

/** Something of a cluster that roles let one do, or not. */
export interface OwnRight {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Empty for all namespaces. */
  readonly namespace: string;
}

/** Asks the API server whether its roles let this process itself do something; whoever is authenticated may ask that. */
export async function reviewOwnAccess(reviewer: Reviewer, right: OwnRight): Promise<boolean> {
  const { namespace, ...resourceAttributes } = right;
  const status = await askForReview(reviewer, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { ...resourceAttributes, ...(namespace === '' ? {} : { namespace }) } },
  });
  return status['allowed'] === true;
}

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
