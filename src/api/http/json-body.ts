import { isUtf8 } from 'node:buffer';

import { isNestedBeyond, itemTextsOf, JsonTooDeepError, parseBoundedJson } from '../../domain/bounds.ts';
import type { JsonValue } from '../../domain/json.ts';
import { reviewOf } from '../../domain/json.ts';
import { MAX_BATCH_RECORDS, MAX_BODY_DEPTH, MAX_RECORD_BYTES } from '../../domain/limits.ts';
import { TimeSlice } from '../../domain/time-slice.ts';
import { Problem } from './problems.ts';
import type { ApiRequest } from './route.ts';
import { NDJSON_MEDIA_TYPE } from './route.ts';

/** Of JSON that has to be looked at twice: others wait meanwhile. A record of the largest size, and white space in it. */
const MAX_REVIEWED_LENGTH = 2 * MAX_RECORD_BYTES;

/**
 * The body as one JSON value, numbers as their own text. That it says to be JSON was checked before it was read.
 *
 * Throws `malformed-body` for what is empty, no UTF-8, nested too deep or no JSON, and `body-too-large`.
 */
export function readJsonBody({ body }: ApiRequest): JsonValue {
  return parse(textOf(body), 'the body');
}

/**
 * Records of a batch: one JSON array, or one record per line. A line that is no JSON stands for itself as an
 * error, so that the others are stored, and so does one that is nested too deep; an array that is no JSON is refused as a
 * whole, because nobody knows where its records begin.
 *
 * Throws `malformed-body` for an empty batch and `batch-too-large` for a long one, before any record is read.
 */
export async function readBatchBody({
  body,
  mediaType,
}: ApiRequest): Promise<readonly (JsonValue | Problem)[]> {
  const records = await (mediaType === NDJSON_MEDIA_TYPE ? readLines(textOf(body)) : readArray(textOf(body)));
  if (records.length === 0) throw new Problem('malformed-body', 'the batch has no records');
  return records;
}

async function readArray(text: string): Promise<readonly (JsonValue | Problem)[]> {
  // What takes long is parsed record by record.
  const isPlain = reviewOf(text) === undefined && !isNestedBeyond(text, MAX_BODY_DEPTH);
  const items = isPlain ? undefined : itemTextsOf(text);
  if (items !== undefined) {
    requireBatchSize(items.length);
    return parseEach(items.map((item, index) => ({ text: item, name: `record ${index + 1}` })));
  }
  const records = parse(text, 'the body');
  if (!Array.isArray(records)) {
    throw new Problem(
      'malformed-body',
      'a batch is a JSON array, or one record per line as application/x-ndjson',
    );
  }
  requireBatchSize(records.length);
  return records;
}

/** Empty lines are skipped and counted: an error names the line as an editor does. */
function readLines(text: string): Promise<readonly (JsonValue | Problem)[]> {
  const lines = text
    .split('\n')
    .map((line, index) => ({ text: line, name: `line ${index + 1}` }))
    .filter((line) => line.text.trim() !== '');
  requireBatchSize(lines.length);
  return parseEach(lines);
}

interface RecordText {
  readonly text: string;
  readonly name: string;
}

async function parseEach(records: readonly RecordText[]): Promise<readonly (JsonValue | Problem)[]> {
  const slice = new TimeSlice();
  const parsed: (JsonValue | Problem)[] = [];
  for (const record of records) {
    if (slice.isUsedUp()) await slice.yield();
    parsed.push(parseOrProblem(record));
  }
  return parsed;
}

function parseOrProblem({ text, name }: RecordText): JsonValue | Problem {
  try {
    return parse(text, name);
  } catch (error: unknown) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

function requireBatchSize(count: number): void {
  if (count <= MAX_BATCH_RECORDS) return;
  throw new Problem(
    'batch-too-large',
    `the batch has ${count} records; at most ${MAX_BATCH_RECORDS} are taken at once`,
  );
}

function textOf(body: Buffer | undefined): string {
  if (body === undefined || body.length === 0) throw new Problem('malformed-body', 'the body is empty');
  // A decoder would put a replacement character where a byte is wrong, and a secret change must not be stored.
  if (!isUtf8(body)) throw new Problem('malformed-body', 'the body is not valid UTF-8');
  return body.toString('utf8');
}

function parse(text: string, name: string): JsonValue {
  if (text.length > MAX_REVIEWED_LENGTH && reviewOf(text) !== undefined) {
    const detail =
      `${name} has escapes in its keys, or numbers of many digits, and more than ${MAX_REVIEWED_LENGTH} characters; ` +
      'send less, or without them';
    throw new Problem('body-too-large', detail);
  }
  try {
    // Not `JSON.parse`: it loses digits, and a body nested deep enough ends it with an exhausted stack.
    return parseBoundedJson(text);
  } catch (error: unknown) {
    if (error instanceof JsonTooDeepError) {
      throw new Problem('malformed-body', `${name}: ${error.message}`, { cause: error });
    }
    if (!(error instanceof SyntaxError)) throw error;
    // The parser's own message quotes the body, which may hold secrets, and messages are logged.
    throw new Problem('malformed-body', `${name} is not valid JSON${positionOf(error)}`, { cause: error });
  }
}

/** The place is taken out of the parser's message; the rest of it is not used. */
function positionOf(error: SyntaxError): string {
  const position = /at position (\d+)/.exec(error.message);
  return position === null ? '' : ` (at character ${position[1] ?? ''})`;
}
