import type { JsonValue } from '../../domain/json.ts';
import type { View } from '../../terminal/view.ts';
import { joined, labelled, listed, shown } from './labelled-lines.ts';
import type { RemediationSummary } from './summary.ts';
import { addressOf, decidedLines, headline, missingLines, textOf } from './text.ts';

/** Why it happened, why this was done about it, and why it was kept from it. */
export function whyText(summary: RemediationSummary, view: View): string {
  const { why } = summary;
  const chain = Array.isArray(why['causal_chain']) ? why['causal_chain'] : [];
  const alternatives = Number(why['alternatives'] ?? 0);
  return textOf([
    ...headline(summary, view),
    '',
    ...labelled('remediation', addressOf(summary), view),
    ...labelled('root cause', why['cause'] ?? 'no analysis names one', view),
    ...labelled('confidence', why['confidence'], view),
    ...listed('because', chain, view, [why['cause']]),
    ...listed('contributing', why['contributing_factors'], view, [why['cause'], ...chain]),
    ...membersOf(why['due_diligence']).flatMap(([name, text], index) =>
      labelled(index === 0 ? 'examined' : '', `${name.replaceAll('_', ' ')}: ${shown(text)}`, view),
    ),
    ...labelled('recommended', why['recommended'], view),
    ...labelled('alternatives', alternatives === 0 ? 'none was considered' : null, view),
    ...listed('alternative', alternativeTexts(why['considered']), view),
    ...labelled('failed', why['failure_reason'], view, 'red'),
    ...decidedLines(summary, view),
    ...missingLines(summary, view),
  ]);
}

const membersOf = (value: JsonValue | undefined): [string, JsonValue][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value as Record<string, JsonValue>)
    : [];

function alternativeTexts(considered: JsonValue | undefined): string[] {
  if (!Array.isArray(considered)) return [];
  return considered.map((one) => {
    const { workflow = null, confidence = null, rationale = null } = Object.fromEntries(membersOf(one));
    return joined(workflow, confidence === null ? '' : `confidence ${shown(confidence)}`, rationale);
  });
}
