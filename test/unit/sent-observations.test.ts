import fc from 'fast-check';
import { expect, test } from 'vitest';

import { hasSent, NOTHING_SENT, saysSame, withSent } from '../../src/watcher/delivery/sent-observations.ts';

const observation = fc.record({
  name: fc.constantFrom('a', 'b', 'ab', 'workflow_execution_audit rr/we execution', 'ü \ud800', ''),
  hash: fc.constantFrom('1', '2', ''),
});

test('of each observation that was sent it is known what it said last', () => {
  fc.assert(
    fc.property(fc.array(fc.array(observation, { maxLength: 3 })), observation, (lists, asked) => {
      const known = new Map<string, string>();
      let sent = NOTHING_SENT;
      for (const list of lists) {
        sent = withSent(sent, list);
        for (const { name, hash } of list) known.set(name, hash);
      }
      expect([hasSent(sent, asked), saysSame(sent, asked)]).toEqual([
        known.has(asked.name),
        known.get(asked.name) === asked.hash,
      ]);
    }),
  );
});
