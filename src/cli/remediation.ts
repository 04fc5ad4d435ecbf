import { UsageError } from '../config/settings.ts';
import type { CombinedRemediation } from '../query/combined-remediation.ts';
import type { RecordFinder } from '../query/record-finder.ts';
import { remediationFacts } from '../query/remediation/combined-facts.ts';
import { summaryOf } from '../query/remediation/summary.ts';
import { summaryText, timelineText } from '../query/remediation/text.ts';
import { timelineOf } from '../query/remediation/timeline.ts';
import { jsonDocument } from '../terminal/json-document.ts';
import { PLAIN_VIEW } from '../terminal/view.ts';
import { readFlags, readVerb } from './arguments.ts';
import type { WriteAnswer } from './read-audit.ts';

/** Records of one kind, and ledger entries, that one answer is made of: as many as the API reads. */
const MAX_PARTS = 1_000;
const MAX_ENTRIES = 2_000;

const REMEDIATION_USAGE = `usage: remediation-audit remediation show CLUSTER/NAMESPACE/NAME [--uid UID] [--json]
       remediation-audit remediation timeline CLUSTER/NAMESPACE/NAME [--uid UID] [--json]

show      what, why, who or what decided, outcome, duration of each phase, and what is missing
timeline  what happened, one line per event: when, who where that is known, what

  --uid UID   another one than the newest of that name
  --json      as GET /api/v1/remediations/CLUSTER/NAMESPACE/NAME and …/timeline answer it
`;

const FLAGS = {
  uid: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

interface CommandSources {
  readonly finder: RecordFinder;
  readonly signal: AbortSignal;
}

/** `remediation show|timeline CLUSTER/NAMESPACE/NAME`: the answers of the API, from the same functions. */
export async function remediationCommand(
  args: readonly string[],
  { finder, signal }: CommandSources,
  write: WriteAnswer,
): Promise<void> {
  const command = readRemediationCommand(args);
  if (command === 'help') {
    await write(REMEDIATION_USAGE);
    return;
  }
  const { verb, address, values } = command;
  const isTimeline = verb === 'timeline';
  const found = await finder.selectRemediation(
    {
      ...address,
      uid: values.uid,
      extent: 'as-needed',
      maxParts: MAX_PARTS,
      timeline: { limit: MAX_ENTRIES },
    },
    { signal, includeArchive: true },
  );
  const { chosen, unsearched } = found;
  const read = { route: `remediation ${verb}`, filter: { ...address, uid: values.uid ?? null } };
  if (chosen === undefined) {
    // Noted as well: whoever tries names learns which there are.
    await write('', { ...read, rows: 0 });
    throw new Error(unknown(address, unsearched?.months ?? []));
  }
  const form = values.json === true ? 'json' : 'text';
  const text = isTimeline ? timelineAnswer(found, form) : summaryAnswer({ ...found, chosen }, form);
  await write(text, { ...read, rows: 1 });
}

type Form = 'json' | 'text';

function timelineAnswer({ timeline, unsearched }: CombinedRemediation, form: Form): string {
  const items = timelineOf(timeline.entries);
  const isComplete = timeline.next === undefined;
  if (form === 'json')
    return jsonDocument(
      'RemediationTimeline',
      JSON.stringify({ items, is_complete: isComplete, unsearched: unsearched ?? null }),
    );
  const lines = [
    isComplete ? '' : 'there are later events than these\n',
    unsearched === undefined ? '' : `not searched: ${unsearched.months.join(', ')}: ${unsearched.reason}\n`,
  ];
  return `${timelineText(items, PLAIN_VIEW)}${lines.join('')}`;
}

function summaryAnswer(found: Parameters<typeof remediationFacts>[0], form: Form): string {
  const summary = summaryOf(remediationFacts(found));
  return form === 'json'
    ? jsonDocument('RemediationSummary', JSON.stringify({ summary }))
    : summaryText(summary, PLAIN_VIEW);
}

/** Everything that is wrong is said before a database is wanted. */
export function readRemediationCommand(args: readonly string[]) {
  const { values, positionals } = readFlags(args, FLAGS);
  if (values.help === true || args.length === 0) return 'help';
  const { verb, ...address } = readAddress(positionals);
  return { verb, address, values };
}

function readAddress(positionals: readonly string[]) {
  const [word = '', address = '', ...others] = positionals;
  const verb = readVerb('remediation', word, ['show', 'timeline']);
  const [cluster = '', namespace = '', name = '', ...rest] = address.split('/');
  if (name === '' || rest.length > 0 || others.length > 0)
    throw new UsageError(
      `remediation ${verb} needs CLUSTER/NAMESPACE/NAME, not ${JSON.stringify(positionals.slice(1).join(' '))}`,
    );
  return { verb, cluster, namespace, name };
}

function unknown(
  { cluster, namespace, name }: { cluster: string; namespace: string; name: string },
  months: readonly string[],
): string {
  const found = `no remediation ${name} of namespace ${namespace} is recorded for cluster ${cluster}`;
  return months.length === 0
    ? `${found}; GET /api/v1/remediations lists those that are`
    : `${found} in the months that were searched; ${months.join(', ')} were not`;
}
