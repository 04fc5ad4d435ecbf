import type { RecordFinder } from '../../query/record-finder.ts';
import { timelineOf } from '../../query/remediation/timeline.ts';
import type { Answer, ApiRequest, Route } from '../http/route.ts';
import { allowOnly, JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';
import { TIMELINE_SCHEMA } from '../schemas/remediation-schema.ts';
import { INCLUDE_ARCHIVE } from './list-query.ts';
import {
  findRemediation,
  MAX_ENTRIES,
  PATH_PARAMETERS,
  REMEDIATION_PATH,
  REMEDIATION_PROBLEMS,
  REMEDIATION_QUERY,
} from './remediation-question.ts';
import { unsearchedHeaders } from './storage-problems.ts';

/** The course of one remediation, one line per event. */
export function timelineRoute(finder: RecordFinder): Route {
  return {
    method: 'GET',
    path: `${REMEDIATION_PATH}/timeline`,
    access: 'get',
    describe: {
      summary: 'What happened in one remediation: one line per event, with the fields that changed',
      tag: 'remediations',
      path: PATH_PARAMETERS,
      query: REMEDIATION_QUERY,
      answers: {
        200: {
          meaning: 'The events, oldest first',
          content: { [JSON_MEDIA_TYPE]: { schema: TIMELINE_SCHEMA } },
        },
      },
      problems: REMEDIATION_PROBLEMS,
    },
    answer: (request) => answerTimeline(finder, request),
  };
}

async function answerTimeline(finder: RecordFinder, request: ApiRequest): Promise<Answer> {
  allowOnly(request.query, ['uid', INCLUDE_ARCHIVE]);
  const timeline = { limit: MAX_ENTRIES };
  const found = await findRemediation(finder, request, { timeline, maxParts: 0 });
  const body = {
    items: timelineOf(found.timeline.entries),
    is_complete: found.timeline.next === undefined,
    unsearched: found.unsearched ?? null,
  };
  return {
    ...jsonAnswer(body, 1 + found.timeline.entries.length),
    headers: unsearchedHeaders(found.unsearched),
  };
}
