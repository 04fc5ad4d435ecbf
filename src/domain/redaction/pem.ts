import type { Spend } from './budget.ts';
import { COST } from './budget.ts';

const BEGIN = /-----BEGIN [A-Z0-9 ]{1,40}-----/g;
const END = '-----END ';
const DASHES = '-----';
/** What may follow the beginning of a block whose end was cut off: base64, and line breaks, escaped or not. */
const BODY = /(?:[A-Za-z0-9+/=\s]|\\[nrt])*/y;

/** Replaces certificates and keys in PEM. A block without an end, as in a log that was cut, goes as far as it looks like one. */
export function replacePem(text: string, replace: (block: string) => string, spend: Spend): string {
  if (!text.includes('-----BEGIN ')) return text;
  let result = '';
  let done = 0;
  for (const match of text.matchAll(BEGIN)) {
    spend(COST.start);
    if (match.index < done) continue;
    const end = endOfBlock(text, match.index + match[0].length);
    result += text.slice(done, match.index) + replace(text.slice(match.index, end));
    done = end;
  }
  return result + text.slice(done);
}

function endOfBlock(text: string, bodyStart: number): number {
  const nextBegin = text.indexOf('-----BEGIN ', bodyStart);
  // Looked for only as far as the next beginning: many beginnings without an end must not each search the whole text.
  const block = text.slice(bodyStart, nextBegin < 0 ? undefined : nextBegin);
  const end = block.indexOf(END);
  if (end >= 0) {
    const close = block.indexOf(DASHES, end + END.length);
    return bodyStart + (close < 0 ? block.length : close + DASHES.length);
  }
  BODY.lastIndex = 0;
  return bodyStart + (BODY.exec(block)?.[0].length ?? 0);
}
