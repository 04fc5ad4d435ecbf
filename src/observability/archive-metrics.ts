import { Counter, Histogram, type Registry } from 'prom-client';

/** What questions to the archive cost. */
export interface ArchiveQuestionMetrics {
  /**
   * Seconds, the wait for a free place included, by how a question ended: answered, refused because too many
   * waited, failed, or abandoned because nobody waited for it any more.
   */
  readonly questions: Histogram<'result'>;
  /** Parts that were opened for questions. */
  readonly parts: Counter<'table'>;
}

/** In seconds. The last one is the default of REMEDIATION_AUDIT_ARCHIVE_QUERY_SECONDS. */
const BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createArchiveQuestionMetrics(registers: Registry[]): ArchiveQuestionMetrics {
  return {
    questions: new Histogram({
      name: 'remediation_audit_archive_question_duration_seconds',
      help: 'Time of a question to the archive, its wait included, by how it ended: answered, refused, failed or abandoned',
      labelNames: ['result'],
      buckets: BUCKETS,
      registers,
    }),
    parts: new Counter({
      name: 'remediation_audit_archive_parts_opened_total',
      help: 'Parts of the archive that were opened for questions, by table',
      labelNames: ['table'],
      registers,
    }),
  };
}
