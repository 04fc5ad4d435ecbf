import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import type { RemediationPlan } from './plan.ts';
import type { Part } from './step.ts';

/** A resource as it was last answered by the server. */
export interface PlayedObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    creationTimestamp: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    ownerReferences?: { uid: string }[];
  };
  spec?: JsonObject;
  status?: JsonObject;
}

/** Time as a play knows it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** How many times faster than life: a deadline half an hour of life away is that much nearer. */
  speed: number;
  /** How long an ended remediation stays, in milliseconds of the clock. */
  retentionMs: number;
  /** How long a status flaps where a story lets it, in milliseconds of the clock. */
  flapMs: number;
}

/** What is known at the moment of a write. */
export interface Situation {
  plan: RemediationPlan;
  clock: Clock;
  /** What was created so far, with the status that was written last. */
  parts: ReadonlyMap<Part, PlayedObject>;
  /** The resource that is written, once it exists. */
  subject: PlayedObject | undefined;
}

/** Whole seconds, as controllers write them. */
export const timeText = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** Computes what a template names. The argument is what follows the name: `SP` in `@ref SP`. */
export type Fact = (situation: Situation, argument: string) => JsonValue;
