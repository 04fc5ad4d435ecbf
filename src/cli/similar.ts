import { similarJson } from '../api/routes/report-routes.ts';
import { UsageError } from '../config/settings.ts';
import type { SimilarInvestigation } from '../database/embeddings/embedding-store.ts';
import { type SimilarQuestion, UnknownFingerprintError } from '../query/similar-investigations.ts';
import { jsonDocument } from '../terminal/json-document.ts';
import { type TableColumn, tableText } from '../terminal/table.ts';
import { readFlagsAlone } from './arguments.ts';
import { operatorView } from './operator-view.ts';
import type { WriteAnswer } from './read-audit.ts';

const MAX_LIMIT = 100;
/** Characters of the text that a line of the table shows. */
const EXCERPT_LENGTH = 100;

const SIMILAR_USAGE = `usage: remediation-audit similar (--fingerprint F | --text T) [--environment E] [--limit 10] [--format table|json]

  --json        as --format json
`;

/** `remediation-audit similar`: investigations alike, on the command line. */
export async function similarCommand(
  args: readonly string[],
  search: (question: SimilarQuestion) => Promise<readonly SimilarInvestigation[]>,
  write: WriteAnswer,
): Promise<void> {
  const { help, format, ...question } = readSimilarQuestion(args);
  if (help) {
    await write(SIMILAR_USAGE);
    return;
  }
  const { fingerprint = null, text: wanted = null, environment = null, limit } = question;
  const read = { route: 'similar', filter: { fingerprint, text: wanted, environment, limit } };
  try {
    const found = await search(question);
    const text =
      format === 'json'
        ? jsonDocument('SimilarInvestigationList', JSON.stringify({ items: found.map(similarJson) }))
        : asTable(found);
    await write(text, { ...read, rows: found.length });
  } catch (error: unknown) {
    // Noted as well: whoever tries fingerprints learns which there are.
    if (error instanceof UnknownFingerprintError) await write('', { ...read, rows: 0 });
    throw error;
  }
}

/** Flags into a question. Everything that is wrong is said before the database or the model is asked. */
export function readSimilarQuestion(args: readonly string[]) {
  const { fingerprint, text, environment, limit, json, help, ...flags } = readFlagsAlone(
    args,
    FLAGS,
    SIMILAR_USAGE,
  );
  const format = json ? 'json' : flags.format;
  if (!help && (fingerprint === undefined) === (text === undefined)) {
    throw new UsageError(`give either --fingerprint or --text\n\n${SIMILAR_USAGE}`);
  }
  const count = /^\d{1,3}$/.test(limit) ? Number(limit) : 0;
  if (count < 1 || count > MAX_LIMIT) throw new UsageError(`--limit must be from 1 to ${MAX_LIMIT}`);
  if (format !== 'table' && format !== 'json') throw new UsageError('--format must be table or json');
  return { fingerprint, text, environment, limit: count, format, help };
}

const FLAGS = {
  fingerprint: { type: 'string' },
  text: { type: 'string' },
  environment: { type: 'string' },
  limit: { type: 'string', default: '10' },
  format: { type: 'string', default: 'table' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const COLUMNS: readonly TableColumn[] = [
  { title: 'SIMILARITY', align: 'right', cut: 'title' },
  { title: 'DAY', goes: 3 },
  { title: 'ENVIRONMENT', cut: 'end', goes: 2 },
  { title: 'FINGERPRINT', cut: 'middle', goes: 1 },
  { title: 'FOUND OUT', cut: 'end' },
];

/** One line for each, nearest first. The same alert finds the same cause again and again; what is new stands out. */
function asTable(found: readonly SimilarInvestigation[]): string {
  if (found.length === 0) return 'nothing alike is known\n';
  const rows = found.map(
    ({ similarity, environment, alertFingerprint, createdAt, investigationText: text }, index) => [
      similarity.toFixed(3),
      createdAt.slice(0, 10),
      environment ?? null,
      alertFingerprint ?? null,
      index > 0 && text === found[index - 1]?.investigationText ? 'as above' : text.slice(0, EXCERPT_LENGTH),
    ],
  );
  return tableText(COLUMNS, rows, operatorView());
}
