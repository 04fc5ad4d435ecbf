/** Part of the language since ES2026, not yet of TypeScript's library. */
const sourceText = JSON as unknown as { rawJSON(text: string): unknown };

/** JSON of a record. Times become RFC 3339, integers of any size keep their last digit. */
export function encodeRecord(record: object): string {
  return JSON.stringify(record, (key, value: unknown) => {
    if (typeof value === 'bigint') return sourceText.rawJSON(String(value));
    // JSON has no such numbers and would say null, which means absent: a value would be lost without a word.
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new TypeError(`cannot record ${key}: JSON cannot represent ${value}`);
    }
    return value;
  });
}
