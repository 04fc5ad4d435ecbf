import type { JsonObject } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { summaryText, timelineText } from '../../query/remediation/text.ts';
import { whyText } from '../../query/remediation/why-text.ts';
import { ApiError } from '../connection/api-client.ts';
import type { CommandAnswer } from '../output/format.ts';
import { aboutOne, type Asked } from './about-one.ts';
import { addressText, pathOf } from './address.ts';
import { objectAt, objectsIn, shownAt, textAt, unsearchedRemarks } from './answers.ts';

/* The commands about one remediation: its summary, its course, its reasons. */

type Summary = Parameters<typeof summaryText>[0];
type Events = Parameters<typeof timelineText>[0];

export const SHOW = aboutOne(
  'show',
  {
    summary: 'one remediation in ten seconds: verdict, why, what, who, phases, what is missing',
    formats: ['table', 'wide', 'json', 'yaml', 'name'],
    examples: ['show rr-6f3a', 'show prod-1/kubernaut-system/rr-6f3a -o json'],
  },
  async (asked) => {
    const data = await asked.client.get(pathOf(asked.address), asked.query);
    return summaryAnswer('Remediation', asked, data, summaryText);
  },
);

export const WHY = aboutOne(
  'why',
  {
    summary:
      'why it happened and was treated so: root cause, confidence, grounds, alternatives, who or what decided, blocks',
    formats: ['table', 'wide', 'json', 'yaml', 'name'],
    examples: ['why rr-6f3a'],
  },
  async (asked) => {
    const data = await asked.client.get(pathOf(asked.address), asked.query);
    const { headline, cluster, namespace, name, uid, why, decided, blocks, missing } = objectAt(
      data,
      'summary',
    );
    const reason = { headline, cluster, namespace, name, uid, why, decided, blocks, missing } as JsonObject;
    const answer = summaryAnswer('RemediationReason', asked, data, whyText);
    return { ...answer, data: { ...reason, unsearched: data['unsearched'] ?? null } };
  },
);

export const TIMELINE = aboutOne(
  'timeline',
  {
    summary: 'what happened in one remediation, one line per event: when, who, what',
    formats: ['table', 'wide', 'json', 'yaml', 'csv'],
    examples: ['timeline rr-6f3a --utc'],
  },
  async ({ client, address, query }) => {
    const data = await client.get(`${pathOf(address)}/timeline`, query);
    const events = objectsIn(data['items']);
    return {
      kind: 'RemediationTimeline',
      data,
      text: (view) => timelineText(events as unknown as Events, view),
      csv: {
        header: EVENT_FIELDS,
        rows: events.map((event) => EVENT_FIELDS.map((field) => shownAt(event, field))),
      },
      remarks: [
        ...(data['is_complete'] === false ? ['there are later events than these'] : []),
        ...unsearchedRemarks(data),
      ],
    };
  },
);

const EVENT_FIELDS = ['at', 'kind', 'event', 'actor', 'how_known', 'changes', 'source_version'];

function summaryAnswer(
  kind: string,
  { address }: Asked,
  data: JsonObject,
  render: typeof summaryText,
): CommandAnswer {
  const { summary } = data;
  if (!isJsonObject(summary) || !Array.isArray(summary['phases']))
    throw new ApiError(
      `the service has no summary of ${addressText(address)}: it is of another version than this program; install the one that belongs to it`,
    );
  const others = objectsIn(data['others']);
  return {
    kind,
    data,
    text: (view) => render(summary as unknown as Summary, view),
    names: [addressText(address)],
    remarks: [
      ...(others.length === 0
        ? []
        : [`others of this name, for --uid: ${others.map((one) => textAt(one, 'uid') ?? '?').join(', ')}`]),
      ...(data['is_complete'] === false ? ['some of it is left out, because there is too much'] : []),
    ],
  };
}
