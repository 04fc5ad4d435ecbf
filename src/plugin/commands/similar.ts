import { UsageError } from '../../config/settings.ts';
import type { JsonObject } from '../../domain/json.ts';
import { numberLexeme } from '../../domain/json.ts';
import { type TableColumn, tableText } from '../../terminal/table.ts';
import { timeText, type View } from '../../terminal/view.ts';
import type { PluginCommand } from '../command.ts';
import { type ApiClient, ApiError } from '../connection/api-client.ts';
import { textFlag } from '../flags.ts';
import { addressText, findAddress, pathOf, readAddress, type RemediationAddress } from './address.ts';
import { objectAt, objectsIn, shownAt, textAt } from './answers.ts';

const FIELDS = [
  'similarity',
  'created_at',
  'environment',
  'alert_fingerprint',
  'remediation_uid',
  'root_cause',
  'investigation_text',
];

export const SIMILAR: PluginCommand = {
  summary: 'what was found out before about something alike, nearest first',
  takes: '[NAME | NAMESPACE/NAME | CLUSTER/NAMESPACE/NAME]',
  flags: {
    fingerprint: {
      type: 'string',
      value: 'TEXT',
      meaning: 'Fingerprint of an alert instead of a remediation',
    },
    text: { type: 'string', value: 'TEXT', meaning: 'Any text instead of a remediation' },
    environment: { type: 'string', value: 'WORD', meaning: 'Only in this environment' },
    limit: { type: 'string', value: 'NUMBER', meaning: 'Investigations at most; default 10' },
  },
  formats: ['table', 'wide', 'json', 'yaml', 'csv'],
  examples: ['similar rr-6f3a', 'similar --text "pods are killed for memory"'],
  prepare(line) {
    const { positionals } = line;
    const [fingerprint, text] = ['fingerprint', 'text'].map((name) => textFlag(line, name));
    if ([fingerprint, text, positionals[0]].filter((one) => one !== undefined).length !== 1)
      throw new UsageError('similar takes one of a remediation, --fingerprint, and --text');
    const address = positionals.length === 0 ? undefined : readAddress('similar', positionals);
    const query = { text, environment: textFlag(line, 'environment'), limit: textFlag(line, 'limit') };
    return async ({ client }) => {
      const wanted = address === undefined ? fingerprint : await fingerprintOf(client, address);
      const data = await client.get('/api/v1/investigations/similar', { ...query, fingerprint: wanted });
      const items = objectsIn(data['items']);
      return {
        kind: 'SimilarInvestigationList',
        data,
        text: (view, isWide) => (items.length === 0 ? '' : textOf(items, view, isWide)),
        csv: { header: FIELDS, rows: items.map((item) => FIELDS.map((field) => shownAt(item, field))) },
        remarks: items.length === 0 ? ['nothing alike is known'] : [],
      };
    };
  },
};

async function fingerprintOf(client: ApiClient, address: Partial<RemediationAddress>): Promise<string> {
  const found = await findAddress(client, address, undefined);
  const { summary } = await client.get(pathOf(found));
  const what = objectAt({ summary: summary ?? null }, 'summary')['what'];
  const fingerprint = textAt(objectAt({ what: what ?? null }, 'what'), 'fingerprint');
  if (fingerprint !== null) return fingerprint;
  throw new ApiError(`no fingerprint of ${addressText(found)} is known; ask with --text instead`);
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'SIMILARITY', align: 'right' },
  { title: 'WHEN', align: 'right' },
  { title: 'ENVIRONMENT' },
  { title: 'REMEDIATION', cut: 'middle' },
  { title: 'FOUND OUT', cut: 'end' },
];

function textOf(items: readonly JsonObject[], view: View, isWide: boolean): string {
  const texts = items.map((item) => textAt(item, 'root_cause') ?? textAt(item, 'investigation_text'));
  const rows = items.map((item, index) => [
    Number(numberLexeme(item['similarity']) ?? 0).toFixed(3),
    timeText(textAt(item, 'created_at') ?? '', view),
    textAt(item, 'environment'),
    textAt(item, 'remediation_uid'),
    // The same alert finds the same cause again and again; what is new stands out.
    !isWide && index > 0 && texts[index] === texts[index - 1] ? 'as above' : (texts[index] ?? null),
  ]);
  return tableText(COLUMNS, rows, view);
}
