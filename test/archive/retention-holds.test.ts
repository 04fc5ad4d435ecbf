import { expect, test } from 'vitest';

import type { ArchivePoint } from '../../src/archive/archive-context.ts';
import { placeHold } from '../../src/database/holds/holds.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { useArchiveStage } from '../support/archive-stage.ts';

const stage = useArchiveStage({ after: '2017-12-01', rows: 12 });

const DURING: readonly ArchivePoint[] = [
  'frozen',
  'copied',
  'uploaded',
  'verified',
  'manifest-written',
  'archived',
  'detaching',
  'detached-by-catalogue',
  'compared',
  'detached',
  'verified-again',
];

test.each(DURING)('a hold placed when a month is %s wins over the run', async (point) => {
  const holds: string[] = [];
  const scope = { from: `${stage.month}T00:00:00Z`, to: `${addMonths(stage.month, 1)}T00:00:00Z` };
  const placed = { by: 'auditor', reason: 'case 17' };
  const report = await stage.run({
    reached: async (at) => {
      if (at === point && holds.length === 0)
        holds.push((await placeHold(stage.database.writer, scope, placed)).id);
    },
  });
  expect(report).toEqual([`${stage.name}: kept and attached again because of a hold`]);
  expect(await stage.places()).toEqual(['attached']);
  const { rows } = await stage.database.owner.query<{ count: string }>(
    'select count(*) from workflow_execution_audit where created_at >= $1 and created_at < $2',
    [stage.month, addMonths(stage.month, 1)],
  );
  expect(rows).toEqual([{ count: '12' }]);
});
