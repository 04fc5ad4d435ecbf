import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  hasSent,
  markOf,
  NOTHING_SENT,
  saysSame,
  withSent,
} from '../../src/watcher/delivery/sent-observations.ts';

const observation = fc.record({
  name: fc.constantFrom('a', 'b', 'ab', 'workflow_execution_audit rr/we execution', 'ü \ud800', ''),
  hash: fc.constantFrom('1', '2', ''),
});

const marked = ({ name, hash }: { name: string; hash: string }) => ({ mark: markOf(name, hash) });

test('of each observation that was sent it is known what it said last', () => {
  fc.assert(
    fc.property(fc.array(fc.array(observation, { maxLength: 3 })), observation, (lists, asked) => {
      const known = new Map<string, string>();
      let sent = NOTHING_SENT;
      for (const list of lists) {
        sent = withSent(sent, list.map(marked));
        for (const { name, hash } of list) known.set(name, hash);
      }
      expect([hasSent(sent, marked(asked)), saysSame(sent, marked(asked))]).toEqual([
        known.has(asked.name),
        known.get(asked.name) === asked.hash,
      ]);
    }),
  );
});
