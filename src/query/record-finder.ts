import type pg from 'pg';

import type { HistoryPosition } from '../database/reading/record-history.ts';
import type { Position, RecordQuery } from '../database/reading/record-query.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import type { ArchiveAccess, Asked } from './combined-answer.ts';
import type { WholePage } from './combined-page.ts';
import { selectWholePage } from './combined-page.ts';
import type { WholeHistory, WholeRecord } from './combined-record.ts';
import { selectWholeHistory, selectWholeRecord } from './combined-record.ts';
import type { RemediationQuestion, WholeRemediation } from './combined-remediation.ts';
import { selectWholeRemediation } from './combined-remediation.ts';

/** Finds records wherever their months are. */
export interface RecordFinder {
  selectPage(definition: RecordDefinition, query: RecordQuery, asked: Asked): Promise<WholePage>;
  /** By the record's own id, or by the one its client posted it with; the newest, should several have it. */
  selectRecord(definition: RecordDefinition, id: string, asked: Asked): Promise<WholeRecord>;
  selectHistory(
    record: Position,
    page: { readonly limit: number; readonly after: HistoryPosition | undefined },
    asked: Asked,
  ): Promise<WholeHistory>;
  /** Undefined when none is known. */
  selectRemediation(question: RemediationQuestion, asked: Asked): Promise<WholeRemediation>;
}

export function createRecordFinder(pool: pg.Pool, archive: ArchiveAccess): RecordFinder {
  return {
    selectPage: (definition, query, asked) => selectWholePage({ pool, definition, query }, archive, asked),
    selectRecord: (definition, id, asked) => selectWholeRecord({ pool, definition, archive }, id, asked),
    selectHistory: (record, page, asked) => selectWholeHistory({ pool, archive, record, ...page }, asked),
    selectRemediation: (question, asked) => selectWholeRemediation({ pool, archive }, question, asked),
  };
}
