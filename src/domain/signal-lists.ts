import { utf8Length } from './bounds.ts';
import { MAX_SIGNAL_BYTES, MAX_SIGNAL_OBSERVATIONS } from './limits.ts';
import type { Observation } from './observation.ts';

/** What fits in one signal each, in order. One that is larger than a signal may be stands alone. */
export function inSignalLists<Item>(
  items: readonly Item[],
  observationOf: (item: Item) => Observation,
): Item[][] {
  // Nothing to be measured: one observation stands alone anyway.
  if (items.length === 1) return [[...items]];
  const lists: Item[][] = [];
  let bytes = Infinity;
  for (const item of items) {
    const size = utf8Length(JSON.stringify(observationOf(item)));
    bytes += size;
    if (bytes > MAX_SIGNAL_BYTES || lists.at(-1)?.length === MAX_SIGNAL_OBSERVATIONS) {
      lists.push([]);
      bytes = size;
    }
    lists.at(-1)?.push(item);
  }
  return lists;
}
