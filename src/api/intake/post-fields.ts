import type { Column, RecordDefinition } from '../../domain/records/definition.ts';
import { observedColumns } from '../../domain/records/definition.ts';

/**
 * What a post may say about itself besides its columns. The store manages the columns of these names, so they steer and
 * are not stored as they are.
 */
export const POST_FIELDS = [
  {
    name: 'id',
    type: 'uuid',
    meaning: "The client's own id of the record. The record's id follows from its identity; both find it",
  },
  {
    name: 'created_at',
    type: 'timestamptz',
    meaning: 'Where the record lives; else the earliest time that it carries, else when it was accepted',
  },
  {
    name: 'cluster',
    type: 'text',
    identifier: true,
    meaning: 'Name of the cluster; else the configured one',
  },
  {
    name: 'revision',
    type: 'bigint',
    range: [0, 999_999_999_999_999],
    meaning: 'Orders posts of one record; else the latest time that the record carries does',
  },
] as const satisfies readonly Column[];

export type PostFieldName = (typeof POST_FIELDS)[number]['name'];

/** The columns that a post may fill. That it is a post is not its to say: what it has under that name is an unknown field. */
export function postedColumns(definition: RecordDefinition): readonly Column[] {
  return observedColumns(definition).filter(({ name }) => name !== 'source_kind');
}
