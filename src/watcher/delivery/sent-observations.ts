import { hash } from 'node:crypto';

import { ownText } from '../state/kept-facts.ts';

/**
 * What Temporal has of the observations of one resource: of each a mark, one after the other in one text. A hundred thousand
 * resources have theirs in memory all the time, and as a map of names and hashes that was a third of all that is kept of one.
 */
export type SentObservations = string;

export const NOTHING_SENT: SentObservations = '';

export interface NamedHash {
  /** Of the observation within its state. */
  readonly name: string;
  /** Of what it says. */
  readonly hash: string;
}

/** One character for each byte. Two names of one resource that begin alike cost a repetition and lose nothing. */
const [NAME_LENGTH, HASH_LENGTH] = [8, 32];
const MARK_LENGTH = NAME_LENGTH + HASH_LENGTH;

/** Whether an observation of that name is there. */
export function hasSent(sent: SentObservations, { name }: Pick<NamedHash, 'name'>): boolean {
  return placeOf(sent, digest(name).slice(0, NAME_LENGTH)) >= 0;
}

/** Whether an observation of that name is there and says the same. */
export function saysSame(sent: SentObservations, observation: NamedHash): boolean {
  const mark = markOf(observation);
  const place = placeOf(sent, mark.slice(0, NAME_LENGTH));
  return place >= 0 && sent.startsWith(mark, place);
}

/** With these, in place of what those of the same names have said. */
export function withSent(sent: SentObservations, observations: readonly NamedHash[]): SentObservations {
  let all = sent;
  for (const observation of observations) {
    const mark = markOf(observation);
    const place = placeOf(all, mark.slice(0, NAME_LENGTH));
    all = place < 0 ? all + mark : all.slice(0, place) + mark + all.slice(place + MARK_LENGTH);
  }
  return ownText(all);
}

function placeOf(sent: SentObservations, name: string): number {
  for (let place = 0; place < sent.length; place += MARK_LENGTH)
    if (sent.startsWith(name, place)) return place;
  return -1;
}

function markOf({ name, hash: said }: NamedHash): string {
  return digest(name).slice(0, NAME_LENGTH) + digest(said);
}

const digest = (text: string): string => hash('sha256', text, 'binary');
