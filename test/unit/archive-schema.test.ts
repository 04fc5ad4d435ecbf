import { expect, test } from 'vitest';

import { archiveSchema } from '../../src/archive/parquet/archive-schema.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';

test.each(RECORD_DEFINITIONS.map((definition) => [definition.table, definition] as const))(
  'the archive of %s has every column of the table, in its order',
  (_table, definition) => {
    expect(archiveSchema(definition).map(({ name }) => name)).toEqual(
      definition.columns.map(({ name }) => name),
    );
  },
);

test('what a native type would change is archived as text', () => {
  const types = Object.fromEntries(
    archiveSchema(workflowExecutionAudit).map(({ name, type }) => [name, type]),
  );
  expect(types).toMatchObject({
    id: 'UUID',
    created_at: 'TIMESTAMPTZ',
    total_duration: 'VARCHAR',
    effectiveness_score: 'VARCHAR',
    parameters: 'VARCHAR',
    source_version: 'BIGINT',
    total_steps: 'INTEGER',
  });
});
