import { isStorableNumber } from './bounds.ts';

/** The exact value of a number's text, `digits × 10^exponent`. A double would round values that a range must distinguish. */
interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

const NUMBER = /^(-?\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** The integer that a number's text amounts to, `2`, `2.0` and `2e0` alike; undefined when it has a fraction. */
export function integerOf(lexeme: string): bigint | undefined {
  const decimal = decimalOf(lexeme);
  if (decimal === undefined) return undefined;
  const { digits, exponent } = decimal;
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  const scale = 10n ** BigInt(-exponent);
  return digits % scale === 0n ? digits / scale : undefined;
}

/** Whether a two's complement integer of that many bits, besides its sign, holds the value. */
export function fitsIn(integer: bigint, bits: bigint): boolean {
  return integer >= -(2n ** bits) && integer < 2n ** bits;
}

/** Whether a number's text lies within a range, both ends included. */
export function isWithin(lexeme: string, [least, most]: readonly [number, number]): boolean {
  const value = decimalOf(lexeme);
  const [low, high] = [decimalOf(String(least)), decimalOf(String(most))];
  if (value === undefined || low === undefined || high === undefined) return false;
  return compare(low, value) <= 0 && compare(value, high) <= 0;
}

function compare(left: Decimal, right: Decimal): number {
  const exponent = Math.min(left.exponent, right.exponent);
  const difference = scaled(left, exponent) - scaled(right, exponent);
  if (difference === 0n) return 0;
  return difference < 0n ? -1 : 1;
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to);
}

function decimalOf(lexeme: string): Decimal | undefined {
  const match = NUMBER.exec(lexeme);
  if (match === null || !isStorableNumber(lexeme)) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}
