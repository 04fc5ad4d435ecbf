import type { LedgerPage } from '../../database/reading/record-history.ts';
import { aiAnalysisAudit } from '../../domain/records/ai-analysis-audit.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { kubernetesExecutionAudit } from '../../domain/records/kubernetes-execution-audit.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import { signalProcessingAudit } from '../../domain/records/signal-processing-audit.ts';
import { workflowExecutionAudit } from '../../domain/records/workflow-execution-audit.ts';
import type { SourcedRow, Unsearched } from '../combined-answer.ts';
import type { Blockers } from './blockers.ts';
import type { Facts } from './facts.ts';
import { factsOf } from './facts.ts';
import type { RemediationFacts } from './summary.ts';
import { timelineOf } from './timeline.ts';

/** A remediation that was found, with the rows that belong to it. */
interface FoundRemediation {
  readonly chosen: SourcedRow;
  readonly parts: readonly { readonly definition: RecordDefinition; readonly rows: readonly SourcedRow[] }[];
  readonly timeline: Pick<LedgerPage, 'entries'>;
  readonly blockers: Blockers;
  readonly unsearched: Unsearched | undefined;
}

/** What the rows say, wherever they were read. */
export function remediationFacts({
  chosen,
  parts,
  timeline,
  blockers,
  unsearched,
}: FoundRemediation): RemediationFacts {
  const rowsOf = (definition: RecordDefinition): readonly Facts[] =>
    parts
      .filter((part) => part.definition.table === definition.table)
      .flatMap(({ rows }) => rows.map(({ row }) => factsOf(definition, row)));
  return {
    remediation: factsOf(remediationAudit, chosen.row),
    signals: rowsOf(signalProcessingAudit),
    analyses: rowsOf(aiAnalysisAudit),
    executions: rowsOf(workflowExecutionAudit),
    actions: rowsOf(kubernetesExecutionAudit),
    events: timelineOf(timeline.entries),
    blockers,
    unsearched,
  };
}
