/** The text of whole rows, one after the other. Whoever made it uses its memory again for the next one. */
export interface RowBatch {
  readonly bytes: Buffer;
  /** Where each row ends in `bytes`; the first one begins at 0. */
  readonly ends: readonly number[];
}

/** Where the row of that index begins; after the last one it is where the batch ends. */
export function startOf({ ends }: RowBatch, row: number): number {
  return row === 0 ? 0 : (ends[row - 1] ?? 0);
}

const QUOTE = 0x22;
export const LINE_FEED = 0x0a;

/** Finds the rows in a stream of text, by its quotes. Throws when the text ends within a row. */
export async function* rowsOfText(chunks: AsyncIterable<Buffer>): AsyncGenerator<RowBatch> {
  let begun: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = begun.length === 0 ? chunk : Buffer.concat([begun, chunk]);
    const batch = { bytes, ends: rowEnds(bytes) };
    if (batch.ends.length > 0) yield batch;
    // Copied: the memory of the chunk is its owner's.
    begun = Buffer.from(bytes.subarray(startOf(batch, batch.ends.length)));
  }
  if (begun.length > 0) throw new Error('the text of the rows ends within a row');
}

function rowEnds(bytes: Buffer): number[] {
  const ends: number[] = [];
  const { length } = bytes;
  let quoted = false;
  for (let position = 0; position < length; position += 1) {
    const byte = bytes[position];
    // A doubled quote toggles twice, so this holds for it too.
    if (byte === QUOTE) quoted = !quoted;
    else if (byte === LINE_FEED && !quoted) ends.push(position + 1);
  }
  return ends;
}
