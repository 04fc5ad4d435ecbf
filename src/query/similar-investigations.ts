import { parseArgs } from 'node:util';

import type { EmbeddingStore, SimilarInvestigation } from '../database/embeddings/embedding-store.ts';
import { reasonOf } from '../domain/errors.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { ReportUsageError, type WriteAnswer } from './reports/report-command.ts';

const MAX_LIMIT = 100;
/** Characters of the text that a line of the table shows. */
const EXCERPT_LENGTH = 100;

export interface SimilarQuestion {
  /** One of the two: an alert whose investigation is known, or any text. */
  readonly fingerprint?: string | undefined;
  readonly text?: string | undefined;
  /** Undefined for every environment. */
  readonly environment?: string | undefined;
  /** Most investigations in the answer. */
  readonly limit: number;
}

/** No investigation of this alert was ever embedded by this model, so nothing can be near it. */
export class UnknownFingerprintError extends Error {
  readonly fingerprint: string;

  constructor(fingerprint: string, model: string) {
    super(
      `no investigation of fingerprint ${fingerprint} is known to model ${model}; ask with a text instead`,
    );
    this.name = 'UnknownFingerprintError';
    this.fingerprint = fingerprint;
  }
}

/**
 * What was found out before about something alike, nearest first. Only vectors of the same model are
 * compared: those of two models have nothing in common. By a fingerprint, the investigation itself is not in the answer.
 */
export async function findSimilarInvestigations(
  store: EmbeddingStore,
  embedder: Embedder,
  { fingerprint, text, environment, limit }: SimilarQuestion,
): Promise<SimilarInvestigation[]> {
  const { model } = embedder;
  // Its vector is stored already, so the model is not asked.
  if (fingerprint !== undefined) {
    const known = await store.selectEmbedding(fingerprint, model);
    if (known === undefined) throw new UnknownFingerprintError(fingerprint, model);
    return store.selectNearest({ model, embedding: known.embedding, environment, limit, except: known.id });
  }
  const [embedding] = await embedder.embed([text ?? '']);
  if (embedding === undefined) throw new Error(`model ${model} returned no embedding for the text`);
  return store.selectNearest({ model, embedding, environment, limit });
}

const SIMILAR_USAGE = `usage: remediation-audit similar (--fingerprint F | --text T) [--environment E] [--limit 10] [--format table|json]

  --json        as --format json
`;

/** `remediation-audit similar`: investigations alike, on the command line. */
export async function similarCommand(
  args: readonly string[],
  search: (question: SimilarQuestion) => Promise<readonly SimilarInvestigation[]>,
  write: WriteAnswer,
): Promise<void> {
  const { help, format, ...question } = readQuestion(args);
  if (help) {
    await write(SIMILAR_USAGE);
    return;
  }
  const { fingerprint = null, text: wanted = null, environment = null, limit } = question;
  const read = { route: 'similar', filter: { fingerprint, text: wanted, environment, limit } };
  try {
    const found = await search(question);
    const text = format === 'json' ? `${JSON.stringify(found, null, 2)}\n` : asTable(found);
    await write(text, { ...read, rows: found.length });
  } catch (error: unknown) {
    // Noted as well: whoever tries fingerprints learns which there are.
    if (error instanceof UnknownFingerprintError) await write('', { ...read, rows: 0 });
    throw error;
  }
}

/** Flags into a question. Everything that is wrong is said before the database or the model is asked. */
function readQuestion(args: readonly string[]) {
  const { fingerprint, text, environment, limit, json, help, ...flags } = parseFlags(args);
  const format = json ? 'json' : flags.format;
  if (!help && (fingerprint === undefined) === (text === undefined)) {
    throw new ReportUsageError(`give either --fingerprint or --text\n\n${SIMILAR_USAGE}`);
  }
  const count = /^\d{1,3}$/.test(limit) ? Number(limit) : 0;
  if (count < 1 || count > MAX_LIMIT) throw new ReportUsageError(`--limit must be from 1 to ${MAX_LIMIT}`);
  if (format !== 'table' && format !== 'json') throw new ReportUsageError('--format must be table or json');
  return { fingerprint, text, environment, limit: count, format, help };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        fingerprint: { type: 'string' },
        text: { type: 'string' },
        environment: { type: 'string' },
        limit: { type: 'string', default: '10' },
        format: { type: 'string', default: 'table' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: false,
    }).values;
  } catch (error: unknown) {
    const reason = reasonOf(error);
    throw new ReportUsageError(`${reason}\n\n${SIMILAR_USAGE}`, { cause: error });
  }
}

/**
 * One line for each, nearest first: similarity, day, environment, fingerprint, and the beginning of the
 * text.
 */
function asTable(found: readonly SimilarInvestigation[]): string {
  if (found.length === 0) return 'nothing alike is known\n';
  const lines = found.map(({ similarity, environment, alertFingerprint, createdAt, investigationText }) => {
    const excerpt = investigationText.replaceAll(/\s+/g, ' ').slice(0, EXCERPT_LENGTH);
    return [
      similarity.toFixed(3),
      createdAt.slice(0, 10),
      environment ?? '–',
      alertFingerprint ?? '–',
      excerpt,
    ].join('  ');
  });
  return `${lines.join('\n')}\n`;
}
