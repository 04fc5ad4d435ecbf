import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import {
  reviewAccess,
  type ReviewedUser,
  type Reviewer,
  reviewToken,
  ReviewUnavailableError,
} from '../../kubernetes/reviews.ts';
import type { Logger } from '../../observability/logger.ts';
import { Problem, retryAfter } from '../http/problems.ts';
import type { Caller, Gate, Verb } from './gate.ts';
import { bearerToken, forbidden, tokenHash, unauthenticated } from './gate.ts';
import { ReviewCache, TooManyReviewsError } from './review-cache.ts';

interface KubernetesGateOptions {
  /** Connection over which the reviews are asked for. The gate owns it and closes it. */
  readonly reviewer: Reviewer & { close(): Promise<void> };
  /** Audiences of which a token must be meant for one. Default: those of the API server. */
  readonly audiences?: readonly string[];
  readonly logger: Logger;
  /** Clock in milliseconds, for ages. */
  readonly now?: () => number;
}

/**
 * How long a judgement is used without asking again: whose token it is, and what they may do. The API server itself knows a
 * revoked token for ten seconds more, and a minute is what a revocation may take.
 */
const TOKEN_FRESH_MS = 50_000;
/** A token that nobody knew may be known a moment later. */
const UNKNOWN_FRESH_MS = 10_000;
const ACCESS_FRESH_MS = 10_000;
/**
 * How long those at hand go on while the API server is away. An outage of the cluster must not lose its own audit, so posts
 * go on for long; whoever reads or decides can wait, and may have lost the right meanwhile.
 */
const STALE_CREATE_MS = HOUR_MS;
const STALE_MS = 5 * MINUTE_MS;
const RETRY_SECONDS = 5;

/**
 * The cluster says who is calling (TokenReview) and what its roles let them do (SubjectAccessReview).
 *
 * Both judgements are cached. The service asks for neither when both are fresh, and then answers without a
 * promise. One that is no longer fresh is used only while the API server cannot be reached: five minutes for reads and
 * decisions, an hour for posts. It is never used because this service asks too much. A caller who is not cached then gets
 * 503 and not 401: nobody said that the token is wrong.
 */
export function createKubernetesGate(options: KubernetesGateOptions): Gate {
  const { reviewer, audiences = [], logger } = options;
  const clock = options.now === undefined ? {} : { now: options.now };
  const users = new ReviewCache<ReviewedUser | undefined>({
    ask: (token) => reviewToken(reviewer, token, audiences),
    freshMs: (user) => (user === undefined ? UNKNOWN_FRESH_MS : TOKEN_FRESH_MS),
    isKnown: (user) => user !== undefined,
    isOutage,
    ...clock,
  });
  const permissions = new ReviewCache<boolean>({
    ask: (question) => {
      const { user, verb } = JSON.parse(question) as { user: ReviewedUser; verb: Verb };
      return reviewAccess(reviewer, user, verb);
    },
    freshMs: () => ACCESS_FRESH_MS,
    // Only of users whom the API server has named.
    isKnown: () => true,
    isOutage,
    ...clock,
  });

  const permit = (user: ReviewedUser, verb: Verb): boolean | Promise<boolean> => {
    // The whole user is the key, groups included: a token with other groups is judged anew.
    const question = JSON.stringify({ user, verb });
    return permissions.get(question, question, { address: user.username, staleMs: staleMsOf(verb) });
  };

  return {
    admit(authorization, verb, address) {
      const token = bearerToken(authorization);
      if (hasExpired(token)) throw unauthenticated('the token has expired');
      const asker = { address, staleMs: staleMsOf(verb) };
      const user = users.get(tokenHash(token).toString('base64'), token, asker);
      // Most callers are cached: they are admitted here, without a turn of the event loop.
      if (!(user instanceof Promise) && user !== undefined) {
        const isAllowed = permit(user, verb);
        if (!(isAllowed instanceof Promise)) return callerOf(user, verb, isAllowed);
      }
      return admitSlowly(user, verb, permit).catch((error: unknown) => {
        throw asProblem(error, logger);
      });
    },
    close: () => reviewer.close(),
  };
}

function staleMsOf(verb: Verb): number {
  return verb === 'create' ? STALE_CREATE_MS : STALE_MS;
}

function isOutage(error: unknown): boolean {
  return error instanceof ReviewUnavailableError && error.isOutage;
}

/**
 * For a caller of whom at least one judgement has to be asked for, and for one whom the cluster does not
 * know.
 */
async function admitSlowly(
  reviewed: ReviewedUser | undefined | Promise<ReviewedUser | undefined>,
  verb: Verb,
  permit: (user: ReviewedUser, verb: Verb) => boolean | Promise<boolean>,
): Promise<Caller> {
  const user = await reviewed;
  if (user === undefined) throw unauthenticated('the cluster does not know this token');
  return callerOf(user, verb, await permit(user, verb));
}

function callerOf(user: ReviewedUser, verb: Verb, isAllowed: boolean): Caller {
  if (!isAllowed) throw forbidden(user.username, verb);
  return { name: user.username };
}

/** No judgement becomes 503. Everything else, also the 401 and 403 of a judgement, stays what it is. */
function asProblem(error: unknown, logger: Logger): unknown {
  if (error instanceof TooManyReviewsError)
    logger.warn({ reason: error.message }, 'an unknown token was not reviewed: too many are at once');
  else if (error instanceof ReviewUnavailableError)
    logger.warn({ server: 'cluster', reason: error.message }, 'the API server could not review a token');
  else return error;
  const detail = 'the Kubernetes API cannot authenticate the caller now; send the request again';
  return new Problem('authority-unavailable', detail, { ...retryAfter(RETRY_SECONDS), cause: error });
}

/**
 * A judgement that is still cached must not outlive the token itself, which says in its middle part when it
 * ends. The signature is not checked here: a forged date can only make this service refuse a token, and the
 * API server checks the rest.
 */
function hasExpired(token: string): boolean {
  return readExpiry(token) <= Date.now() / SECOND_MS;
}

/** Seconds since 1970 after which the token is over; Infinity when it does not say. */
function readExpiry(token: string): number {
  const [, payload] = token.split('.');
  if (payload === undefined) return Infinity;
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown };
    return typeof exp === 'number' ? exp : Infinity;
  } catch {
    // No JSON web token: whether it still holds is for the API server to say.
    return Infinity;
  }
}
