import type pg from 'pg';

import { type Hold, holdsOfRemediation } from '../../database/holds/holds.ts';
import {
  type RemediationCompleteness,
  selectRemediationCompleteness,
} from '../../database/reading/completeness.ts';
import { named } from '../../domain/named-schema.ts';
import type { SourcedRow } from '../../query/combined-answer.ts';
import type { RecordFinder } from '../../query/record-finder.ts';
import type { Answer, ApiRequest, Route } from '../http/route.ts';
import { allowOnly, JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';
import { REMEDIATION_COMPLETENESS } from './completeness-route.ts';
import { HOLD_SCHEMA, holdJson } from './hold-routes.ts';
import { INCLUDE_ARCHIVE } from './list-query.ts';
import {
  findRemediation,
  PATH_PARAMETERS,
  REMEDIATION_PATH,
  REMEDIATION_PROBLEMS,
  REMEDIATION_QUERY,
} from './remediation-question.ts';
import { fromDatabase, unsearchedHeaders } from './storage-problems.ts';

/** Whether one remediation was watched, what is missing of it, and what keeps its record from being dropped. */
export function coverageRoute(finder: RecordFinder, pool: pg.Pool): Route {
  return {
    method: 'GET',
    path: `${REMEDIATION_PATH}/coverage`,
    access: 'get',
    describe: {
      summary: 'Since when its cluster is watched, gaps that are about it, holds on it',
      tag: 'remediations',
      path: PATH_PARAMETERS,
      query: REMEDIATION_QUERY,
      answers: {
        200: { meaning: 'As of now', content: { [JSON_MEDIA_TYPE]: { schema: COVERAGE_SCHEMA } } },
      },
      problems: REMEDIATION_PROBLEMS,
    },
    answer: (request) => answerCoverage(finder, pool, request),
  };
}

const COVERAGE_SCHEMA = named('RemediationCoverage', {
  type: 'object',
  required: [...Object.keys(REMEDIATION_COMPLETENESS), 'holds'],
  properties: {
    ...REMEDIATION_COMPLETENESS,
    holds: { type: 'array', items: HOLD_SCHEMA, description: 'Active holds on its record' },
  },
});

async function answerCoverage(finder: RecordFinder, pool: pg.Pool, request: ApiRequest): Promise<Answer> {
  allowOnly(request.query, ['uid', INCLUDE_ARCHIVE]);
  const { chosen, unsearched } = await findRemediation(finder, request, { timeline: undefined, maxParts: 0 });
  const { holds, ...completeness } = await coverageOf(pool, chosen);
  return {
    ...jsonAnswer({ ...completeness, holds: holds.map(holdJson) }, 1),
    headers: unsearchedHeaders(unsearched),
  };
}

export interface RemediationCoverage extends RemediationCompleteness {
  readonly holds: readonly Hold[];
}

/** For the route and for the page. */
export function coverageOf(pool: pg.Pool, { row }: SourcedRow): Promise<RemediationCoverage> {
  const text = (name: string): string | null => {
    const value = row[name] ?? null;
    return value === null ? null : String(value);
  };
  const known = (name: string): string => text(name) ?? '';
  return fromDatabase(async () => {
    const [completeness, holds] = await Promise.all([
      selectRemediationCompleteness(pool, {
        ...{ cluster: known('cluster'), uid: known('remediation_uid') },
        ...{ namespace: known('namespace'), name: known('remediation_id') },
      }),
      holdsOfRemediation(pool, {
        ...{
          cluster: text('cluster'),
          remediation_uid: text('remediation_uid'),
          namespace: text('namespace'),
        },
        ...{ target_namespace: text('target_namespace'), target_kind: text('target_kind') },
        ...{ target_name: text('target_name'), created_at: known('created_at') },
      }),
    ]);
    return { ...completeness, holds };
  });
}
