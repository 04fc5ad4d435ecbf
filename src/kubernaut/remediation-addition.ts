import type { JsonObject } from '../domain/json.ts';
import { naturalKey } from '../domain/observation.ts';
import type { remediationAudit } from '../domain/records/remediation-audit.ts';
import type { LeftOut } from './kind.ts';
import { pathsLeftOut } from './kind.ts';
import type {
  ReadingContext,
  RemediationReference,
  ResourceReading,
  Unread,
} from './observed-remediation.ts';
import type { PhaseSources } from './read-kind.ts';
import { readPhase, subjectOf, understoodBy } from './read-kind.ts';
import { groupOf, textAt } from './resource.ts';

/** A kind whose resources add to the record of their remediation and have none of their own. */
interface RemediationAddition {
  readonly sources: PhaseSources<typeof remediationAudit>;
  /** Known and not recorded; all else that no source reads is kept as unrecognised. */
  readonly leftOut: LeftOut;
  /** What it is about, for the summary. */
  readonly subject: (resource: JsonObject) => string | undefined;
  readonly remediationOf: (
    resource: JsonObject,
    ownNamespace: string,
    context: ReadingContext,
  ) => RemediationReference | undefined;
}

const GROUP_SINCE_G2 = 'kubernaut.ai';

/**
 * The reader of a kind that only adds to its remediation: always one observation, under the key of the
 * remediation. These kinds have had one shape since G2; what was served by another group is older.
 */
export function readerOf(
  kind: RemediationAddition,
): (resource: JsonObject, context: ReadingContext) => ResourceReading | Unread {
  const known = understoodBy([kind.sources], pathsLeftOut(kind.leftOut));
  return (resource, context) => {
    const namespace = textAt(resource, 'metadata.namespace') ?? '';
    const remediation = kind.remediationOf(resource, namespace, context);
    const shape = groupOf(resource) === GROUP_SINCE_G2 ? 'G3' : 'G1';
    const subject = subjectOf(resource, { shape, remediation, context });
    if ('unread' in subject) return subject;
    const key = naturalKey(subject.remediation.uid);
    const { observation, unrecognised, misshapen } = readPhase(kind.sources, subject, {
      key,
      // `source_*` of this record name the RemediationRequest, not what adds to it.
      own: false,
      known,
    });
    return {
      remediation: subject.remediation,
      observations: [observation],
      target: undefined,
      summary: `${subject.remediation.name}: ${kind.subject(resource) ?? subject.identity.name}`,
      shape,
      unrecognised,
      misshapen,
    };
  };
}
