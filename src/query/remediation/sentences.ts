import type { JsonValue } from '../../domain/json.ts';
import { aiAnalysisAudit } from '../../domain/records/ai-analysis-audit.ts';
import { kubernetesExecutionAudit } from '../../domain/records/kubernetes-execution-audit.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import { signalProcessingAudit } from '../../domain/records/signal-processing-audit.ts';
import { workflowExecutionAudit } from '../../domain/records/workflow-execution-audit.ts';
import type { RecordChange } from './changes.ts';
import { cutText } from './facts.ts';

/** Of one text within a sentence. */
const MAX_QUOTE = 160;

interface Described {
  readonly table: string;
  readonly sentence: string;
}

/** Undefined when nothing changed that is worth a line. What a state says of two records is one line, the first that fits. */
export function sentenceOf(changed: readonly RecordChange[]): Described | undefined {
  for (const { table, describe } of DESCRIBERS) {
    for (const change of changed.filter((one) => one.table === table)) {
      const sentence = describe(readerOf(change));
      if (sentence !== undefined) return { table, sentence };
    }
  }
  return undefined;
}

/** What a sentence is made of: the fields that changed, and what is known of the record by now. */
interface Reader {
  readonly phase: string;
  /** The new value of a field that changed. */
  changed(field: string): string | undefined;
  known(field: string): string | undefined;
  /** Entries of a column such as `notifications` of which a member changed: their keys. */
  entries(column: string): readonly string[];
}

function readerOf({ phase, state, changes }: RecordChange): Reader {
  const byField = new Map(changes.map(({ field, to }) => [field, to]));
  return {
    phase,
    changed: (field) => textOf(byField.get(field)),
    known: (field) => textOf(state[field]),
    entries: (column) => [
      ...new Set(
        changes.flatMap(({ field }) =>
          field.startsWith(`${column}.`) ? [field.slice(column.length + 1, field.lastIndexOf('.'))] : [],
        ),
      ),
    ],
  };
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return cutText(text.replaceAll(/\s+/g, ' ').trim(), MAX_QUOTE);
}

/** In the order in which one state is described: a block says more than the phase `Blocked`. */
const DESCRIBERS: readonly {
  readonly table: string;
  readonly describe: (read: Reader) => string | undefined;
}[] = [
  { table: workflowExecutionAudit.table, describe: describeExecution },
  { table: remediationAudit.table, describe: describeRemediation },
  { table: aiAnalysisAudit.table, describe: describeAnalysis },
  { table: signalProcessingAudit.table, describe: describeSignal },
  { table: kubernetesExecutionAudit.table, describe: describeAction },
];

function describeRemediation(read: Reader): string | undefined {
  return (
    describeDeletion(read) ??
    describeClosure(read) ??
    describeApproval(read) ??
    describeSession(read) ??
    describeNotification(read) ??
    describeVerification(read) ??
    describePhase(read)
  );
}

function describeDeletion(read: Reader): string | undefined {
  if (read.changed('deleted_at') === undefined) return undefined;
  const early = read.known('verdict') === 'deleted-before-terminal';
  return early ? 'remediation deleted before it ended' : 'remediation deleted';
}

const describeClosure = (read: Reader): string | undefined =>
  read.changed('extra.closed_by_operator') === undefined ? undefined : 'audit closed by an operator';

function describePhase(read: Reader): string | undefined {
  const phase = read.changed('overall_phase');
  const outcome = read.changed('outcome');
  if (phase === undefined && outcome === undefined)
    return read.changed('signal_name') === undefined ? undefined : `signal received: ${aboutSignal(read)}`;
  const blocked = phase === 'Blocked' ? read.known('extra.message') : undefined;
  const why = outcome ?? read.changed('failure_reason') ?? blocked;
  return `remediation ${read.known('overall_phase') ?? ''}${why === undefined ? '' : `: ${why}`}`;
}

function aboutSignal(read: Reader): string {
  const target = ['target_namespace', 'target_kind', 'target_name'].map((field) => read.known(field));
  return `${read.known('signal_name') ?? ''} on ${target.filter((part) => part !== undefined).join('/')}`;
}

function describeApproval(read: Reader): string | undefined {
  const decision = read.changed('approval_decision');
  if (decision !== undefined) {
    const message = read.known('extra.approval_message');
    return `approval ${decision}${by(read.known('approval_decided_by'))}${after(message)}`;
  }
  if (read.changed('extra.approval_request') === undefined) return undefined;
  return `approval requested${after(read.known('extra.approval_why') ?? read.known('extra.approval_reason'))}`;
}

function describeSession(read: Reader): string | undefined {
  for (const uid of read.entries('investigation_sessions')) {
    const [field, user] = [`investigation_sessions.${uid}`, read.known(`investigation_sessions.${uid}.user`)];
    const phase = read.changed(`${field}.phase`);
    if (read.changed(`${field}.reconnected_at`) !== undefined) return `${user ?? 'somebody'} reconnected`;
    if (phase !== undefined)
      return `${user ?? 'somebody'} ${SESSION_WORDS[phase] ?? `in the investigation: ${phase}`}`;
  }
  return undefined;
}

const SESSION_WORDS: Readonly<Record<string, string>> = {
  Active: 'took part in the investigation',
  Disconnected: 'was disconnected from the investigation',
  Completed: 'finished the investigation',
  Cancelled: 'left the investigation',
};

function describeNotification(read: Reader): string | undefined {
  for (const name of read.entries('notifications')) {
    const phase = read.changed(`notifications.${name}.phase`);
    if (phase !== undefined)
      return `notification ${name} ${phase}${after(read.changed(`notifications.${name}.reason`))}`;
  }
  return undefined;
}

function describeVerification(read: Reader): string | undefined {
  const phase = read.changed('extra.verification_phase');
  const reason = read.changed('verification_reason');
  if (phase === undefined && reason === undefined) return undefined;
  const scores = (['health', 'alert', 'metrics'] as const).flatMap((what) => {
    const score = read.known(`verification_${what}_score`);
    return score === undefined || reason === undefined ? [] : [`${what} ${score}`];
  });
  return `verification ${[phase ?? read.known('extra.verification_phase'), reason, ...scores].filter((part) => part !== undefined).join(', ')}`;
}

function describeAnalysis(read: Reader): string | undefined {
  const session = describeAgentSession(read);
  if (session !== undefined) return session;
  const phase = read.changed('extra.phase');
  if (phase === undefined) return gone(read, 'analysis');
  const failure = read.known('failure_reason');
  const found = phase === 'Completed' ? read.known('top_recommendation') : undefined;
  if (phase === 'Failed') return `analysis Failed${after(failure)}`;
  const confidence = read.known('confidence_score');
  return `analysis ${phase}${found === undefined ? '' : `: recommends ${found}`}${found === undefined || confidence === undefined ? '' : ` (confidence ${confidence})`}`;
}

function describeAgentSession(read: Reader): string | undefined {
  for (const uid of read.entries('agent_sessions')) {
    const entry = `agent_sessions.${uid}`;
    const phase = read.changed(`${entry}.phase`);
    if (phase !== undefined) return `agent session ${phase}${after(read.changed(`${entry}.reason`))}`;
    const user = read.changed(`${entry}.acting_user`);
    if (user !== undefined) return `agent session driven by ${user}`;
  }
  return undefined;
}

function describeSignal(read: Reader): string | undefined {
  const status = read.changed('status');
  if (status === undefined) return gone(read, 'signal processing');
  const facts = [read.changed('environment'), read.changed('priority')].filter((fact) => fact !== undefined);
  return `signal processing ${status}${after(facts.length === 0 ? undefined : facts.join(', '))}`;
}

function describeExecution(read: Reader): string | undefined {
  const skipped = read.changed('skip_reason');
  if (skipped !== undefined && read.phase === 'skip') {
    const behind = read.known('conflicting_wfe');
    return `blocked: ${skipped}${behind === undefined ? '' : ` by ${behind}`}${after(read.known('extra.block_message'))}`;
  }
  const phase = read.changed('phase');
  if (phase === undefined) return gone(read, 'execution');
  const name = read.known('workflow_name') ?? read.known('workflow_id') ?? '';
  const why = read.changed('failure_reason') ?? read.changed('skip_reason');
  return `execution of ${name} ${phase}${after(why)}`;
}

function describeAction(read: Reader): string | undefined {
  const phase = read.changed('phase');
  const success = read.changed('success');
  if (phase === undefined && success === undefined) return gone(read, 'action');
  const result = success === undefined ? phase : success === 'true' ? 'succeeded' : 'failed';
  return `action ${read.known('action_type') ?? read.known('execution_id') ?? ''} ${result ?? ''}`;
}

/** Executions and actions have a column for it, analyses and signal processings have not. */
const gone = (read: Reader, what: string): string | undefined =>
  (read.changed('deleted_at') ?? read.changed('extra.deleted_at')) === undefined
    ? undefined
    : `${what} deleted`;

const after = (text: string | undefined): string => (text === undefined ? '' : `: ${text}`);
const by = (name: string | undefined): string => (name === undefined ? '' : ` by ${name}`);
