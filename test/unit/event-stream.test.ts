import { expect, test } from 'vitest';

import type { ChangeFeed, Listener } from '../../src/api/events/change-feed.ts';
import { EventStream } from '../../src/api/events/event-stream.ts';

/** A stream, and what its feed tells. */
function openStream() {
  const listeners: Listener[] = [];
  let closed = 0;
  const feed: Pick<ChangeFeed, 'listen'> = {
    listen(listener) {
      listeners.push(listener);
      return () => {
        listeners.splice(listeners.indexOf(listener), 1);
      };
    },
  };
  const stream = new EventStream({
    ...{ feed, subject: 'everything', state: '1.a', resumedFrom: undefined },
    ending: new AbortController().signal,
    onClose: () => {
      closed += 1;
    },
  });
  return { stream, listeners, closed: () => closed };
}

function readAll(stream: EventStream): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) return Buffer.concat(chunks).toString('utf8');
    chunks.push(chunk);
  }
}

test('a reader that does not read is kept the last change and the last word about the database', () => {
  const { stream, listeners } = openStream();
  const [listener] = listeners;
  for (let change = 1; change <= 10_000; change += 1) {
    listener?.changed(`${change}.f`);
    if (change % 100 === 0) listener?.away();
  }
  listener?.back();
  expect(stream.readableLength).toBeLessThan(2_048);
  const text = readAll(stream);
  expect(text).toMatch(/event: change\nid: 10000\.f\ndata: {}\n\nevent: back\ndata: {}\n\n$/);
  listener?.changed('10001.f');
  expect(readAll(stream)).toBe('event: change\nid: 10001.f\ndata: {}\n\n');
  stream.destroy();
});

test('whoever is gone is let go once', async () => {
  const { stream, listeners, closed } = openStream();
  stream.destroy();
  stream.destroy();
  await new Promise((resolve) => stream.once('close', resolve));
  expect([listeners.length, closed()]).toEqual([0, 1]);
});
