import { decodeBase64 } from './base64.ts';
import type { Spend } from './budget.ts';
import { COST } from './budget.ts';

/**
 * Three base64url parts of which the first two are JSON objects. The first letters are those of an opening brace;
 * everything else is decided by decoding. Only the first part is consumed, so that a name before a token hides nothing.
 */
const HEADER = /(?<![A-Za-z0-9_-])e[w-z0-9_-][A-Za-z0-9_-]{4,4000}(?=\.e[w-z0-9_-])/g;
const REST = /\.([A-Za-z0-9_-]{2,20000})\.[A-Za-z0-9_-]*/y;

export function replaceJsonWebTokens(text: string, replace: (token: string) => string, spend: Spend): string {
  if (!text.includes('.e')) return text;
  let result = '';
  let done = 0;
  for (const match of text.matchAll(HEADER)) {
    const [header] = match;
    spend(COST.start);
    REST.lastIndex = match.index + header.length;
    const rest = match.index < done ? null : REST.exec(text);
    if (rest !== null) spend(COST.decoded * (header.length + rest[0].length));
    if (rest === null || !isJsonObjectText(header) || !isJsonObjectText(rest[1] ?? '')) continue;
    const token = header + rest[0];
    result += text.slice(done, match.index) + replace(token);
    done = match.index + token.length;
  }
  return result + text.slice(done);
}

function isJsonObjectText(encoded: string): boolean {
  const decoded = decodeBase64(encoded);
  if (decoded?.startsWith('{') !== true) return false;
  try {
    JSON.parse(decoded);
    return true;
  } catch {
    // Not JSON is an answer here, and no failure.
    return false;
  }
}
