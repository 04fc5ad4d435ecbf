/**
 * In every answer, whoever gives it. A record that a browser or a proxy keeps is read later without a token and without a
 * trace. A report or a name in a record that looks like a page must not become one where an answer is opened by its address.
 */
export const ANSWER_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const;
