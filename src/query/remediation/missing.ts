import type { Facts } from './facts.ts';
import { entriesIn, factAt, textIn, timeIn } from './facts.ts';
import type { PhaseSpan } from './phases.ts';

interface MissingFacts {
  readonly remediation: Facts;
  readonly signals: readonly Facts[];
  readonly analyses: readonly Facts[];
  /** Without blocks. */
  readonly executions: readonly Facts[];
  readonly phases: readonly PhaseSpan[];
  readonly unsearched: { readonly months: readonly string[]; readonly reason: string } | undefined;
}

/** What ought to be recorded of a remediation and is not, one sentence each; what ends a person's search for it. */
export function missingOf(facts: MissingFacts): readonly string[] {
  return [...ofTheEnd(facts), ...ofParts(facts), ...ofFields(facts), ...ofMonths(facts)];
}

function ofTheEnd({ remediation }: MissingFacts): string[] {
  const verdict = textIn(remediation, 'verdict');
  const isDeleted = verdict === 'deleted-before-terminal';
  return [
    isDeleted ? 'it was deleted before it ended; a deletion does not say who asked for it' : '',
    remediation['final_state_unknown'] === true
      ? 'it went away unseen: its last known state may not be its last'
      : '',
    verdict === 'terminal' && timeIn(remediation, 'completed_at') === null
      ? 'its resource names no time of its end'
      : '',
    textIn(remediation, 'signal_name') === null ? 'nothing is known of its signal' : '',
  ].filter((sentence) => sentence !== '');
}

/** A phase that began has a record of its own. */
function ofParts({ phases, signals, analyses, executions }: MissingFacts): string[] {
  const began = new Set(phases.map(({ phase }) => phase));
  const parts: [string, number, string][] = [
    ['Processing', signals.length, 'its signal processing'],
    ['Analyzing', analyses.length, 'its analysis'],
    ['Executing', executions.length, 'its execution'],
  ];
  return parts.flatMap(([phase, records, what]) =>
    began.has(phase) && records === 0 ? [`it was ${phase}, and there is no record of ${what}`] : [],
  );
}

function ofFields({ remediation, analyses, signals, executions }: MissingFacts): string[] {
  const extra = remediation['extra'];
  const isAssessed = (what: string): boolean =>
    factAt(extra, `verification_${what}_assessed`) === true &&
    factAt(remediation, `verification_${what}_score`) === undefined;
  const unscored = ['health', 'alert', 'metrics'].filter(isAssessed);
  const unread = [remediation, ...signals, ...analyses, ...executions].flatMap((facts) =>
    entriesIn(facts, 'extra').filter(([name]) => /unrecognised|misshapen/.test(name)),
  );
  const running = executions.filter((one) => {
    const isOver = timeIn(one, 'completed_at') !== null;
    return !isOver && timeIn(one, 'deleted_at') !== null;
  });
  return [
    ...unscored.map((what) => `its ${what} was assessed and has no score`),
    ...(running.length > 0 ? ['an execution was deleted before it ended: how it ended is not known'] : []),
    ...(unread.length > 0
      ? ['some fields of its resources are of no known generation: extra has them as they are']
      : []),
  ];
}

function ofMonths({ unsearched }: MissingFacts): string[] {
  return unsearched === undefined
    ? []
    : [`not searched: ${unsearched.months.join(', ')}: ${unsearched.reason}`];
}
