import { fitsIn, integerOf } from '../decimal.ts';
import type { JsonValue } from '../json.ts';
import { numberLexeme } from '../json.ts';
import { BIGINT_TEXT, INT64, INTEGER_TEXT, NUMBER_TEXT } from '../value-patterns.ts';
import type { ColumnFilter, ColumnTypeDescription } from './description.ts';
import { asItIs, textLike } from './description.ts';

const NUMBER = new RegExp(`^${NUMBER_TEXT}$`);
const WHOLE_NUMBER = /^-?\d{1,19}$/;
const INT32 = 2 ** 31;
/** Without the sign. */
const INTEGER_BITS = 31n;
const BIGINT_BITS = 63n;

export const numeric: ColumnTypeDescription = {
  travelsAs: 'number',
  observed: (value) => numberLexeme(value) ?? decimalText(value),
  posted: {
    read: numberLexeme,
    allowed: 'a number',
    schema: { type: ['number', 'null'] },
    typescript: 'number',
  },
  filter: {
    read: (value) => (NUMBER.test(value) ? value : undefined),
    allowed: 'a number',
    schema: textLike(NUMBER_TEXT),
  },
  answer: { type: 'number', json: asItIs, csv: asItIs },
  archived: { as: 'VARCHAR', compare: 'number' },
};

/** Kubernetes discourages numbers with a point, so a score may well be text. */
function decimalText(value: JsonValue): string | undefined {
  return typeof value === 'string' && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(value) ? value : undefined;
}

/** The two sizes of a whole number. `bits` without the sign. */
function wholeNumber(bits: bigint, allowed: string): Omit<ColumnTypeDescription, 'filter' | 'archived'> {
  return {
    travelsAs: 'number',
    bits,
    // One that is too large is of the type all the same: whoever stores it says where it stood.
    observed: (value) => {
      const lexeme = numberLexeme(value);
      return lexeme !== undefined && WHOLE_NUMBER.test(lexeme) ? lexeme : undefined;
    },
    posted: {
      read: (value) => {
        const integer = integerOf(numberLexeme(value) ?? '');
        return integer !== undefined && fitsIn(integer, bits) ? String(integer) : undefined;
      },
      allowed,
      schema: {
        type: ['integer', 'null'],
        ...(bits > INTEGER_BITS
          ? { format: 'int64', minimum: INT64.least, maximum: INT64.most }
          : { format: 'int32', minimum: -INT32, maximum: INT32 - 1 }),
      },
      typescript: bits > INTEGER_BITS ? 'Integer' : 'number',
    },
    answer: { type: 'integer', json: asItIs, csv: asItIs },
  };
}

export const integer: ColumnTypeDescription = {
  ...wholeNumber(INTEGER_BITS, 'an integer of 32 bits'),
  filter: wholeNumberFilter(INTEGER_BITS, 'a whole number of 32 bits', INTEGER_TEXT),
  archived: { as: 'INTEGER', compare: 'native' },
};

export const bigint: ColumnTypeDescription = {
  ...wholeNumber(BIGINT_BITS, 'an integer of 64 bits'),
  filter: wholeNumberFilter(BIGINT_BITS, 'a whole number of 64 bits', BIGINT_TEXT),
  archived: { as: 'BIGINT', compare: 'native' },
};

function wholeNumberFilter(bits: bigint, allowed: string, pattern: string): ColumnFilter {
  return {
    read: (value) => (WHOLE_NUMBER.test(value) && fitsIn(BigInt(value), bits) ? value : undefined),
    allowed,
    schema: textLike(pattern),
  };
}
