import { askForReview, type Reviewer } from './review.ts';
import type { ReviewedUser } from './token-review.ts';

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
interface OwnRight {
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
