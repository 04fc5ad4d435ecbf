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
