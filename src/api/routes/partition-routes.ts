import type pg from 'pg';

import { selectMonths } from '../../database/months/month-list.ts';
import { named } from '../../domain/named-schema.ts';
import type { Route } from '../http/route.ts';
import { JSON_MEDIA_TYPE, jsonAnswer } from '../http/route.ts';
import { listSchema } from '../schemas/list-schema.ts';
import { allowOnly } from './list-query.ts';
import { MONTH_SCHEMA, PARTITION_STATE_SCHEMA } from './month-parameter.ts';
import { fromDatabase } from './storage-problems.ts';

/** Where each month is. */
export function partitionRoute(pool: pg.Pool): Route {
  return {
    method: 'GET',
    path: '/api/v1/partitions',
    access: 'list',
    describe: {
      summary: 'Where each month is, newest first',
      tag: 'retention',
      answers: { 200: { meaning: 'The months', content: { [JSON_MEDIA_TYPE]: { schema: SCHEMA } } } },
      problems: ['invalid-parameter', 'database-unavailable'],
    },
    async answer({ query }) {
      allowOnly(query, []);
      const items = await fromDatabase(() => selectMonths(pool));
      return jsonAnswer({ items }, items.length);
    },
  };
}

const SCHEMA = listSchema(
  'PartitionList',
  named('Partition', {
    type: 'object',
    required: ['month', 'state'],
    properties: { month: MONTH_SCHEMA, state: PARTITION_STATE_SCHEMA },
  }),
);
