import { hash } from 'node:crypto';

import { ownText } from '../state/kept-facts.ts';

/**
 * What Temporal has of the observations of one resource: of each a mark, one after the other in one text. A hundred thousand
 * resources have theirs in memory all the time, and as a map of names and hashes that was a third of all that is kept of one.
 */
export type SentObservations = string;

export const NOTHING_SENT: SentObservations = '';

/** An observation as it is remembered: which one it is within its state, and what it says. */
export interface Marked {
  readonly mark: string;
}

/** One character for each byte. Two names of one resource that begin alike cost a repetition and lose nothing. */
const [NAME_LENGTH, HASH_LENGTH] = [8, 32];
const MARK_LENGTH = NAME_LENGTH + HASH_LENGTH;

/** Whether an observation of that name is there. */
export function hasSent(sent: SentObservations, { mark }: Marked): boolean {
  return placeOf(sent, mark) >= 0;
}

/** Whether an observation of that name is there and says the same. */
export function saysSame(sent: SentObservations, { mark }: Marked): boolean {
  const place = placeOf(sent, mark);
  return place >= 0 && sent.startsWith(mark, place);
}

/** With these, in place of what those of the same names have said. */
export function withSent(sent: SentObservations, observations: readonly Marked[]): SentObservations {
  let all = sent;
  for (const { mark } of observations) {
    const place = placeOf(all, mark);
    if (place >= 0 && all.startsWith(mark, place)) continue;
    all = place < 0 ? all + mark : all.slice(0, place) + mark + all.slice(place + MARK_LENGTH);
  }
  return all === sent ? sent : ownText(all);
}

function placeOf(sent: SentObservations, mark: string): number {
  const name = mark.slice(0, NAME_LENGTH);
  for (let place = 0; place < sent.length; place += MARK_LENGTH)
    if (sent.startsWith(name, place)) return place;
  return -1;
}

/** Of an observation of that name that says what has this hash. */
export function markOf(name: string, said: string): string {
  return digest(name).slice(0, NAME_LENGTH) + digest(said);
}

const digest = (text: string): string => hash('sha256', text, 'binary');
