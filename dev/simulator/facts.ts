import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { at } from '../../src/kubernaut/resource.ts';
import { SCENARIO_FACTS } from './scenario-facts.ts';
import type { Fact, PlayedObject, Situation } from './situation.ts';
import { timeText } from './situation.ts';
import type { Part, Template, TemplateObject } from './step.ts';
import { millisecondsOf } from './step.ts';

/** The one fact with arithmetic: `@now`, `@now+30m`, `@now-40s`. A span of life is shorter by the clock when it runs fast. */
const NOW = /^@now(?:([+-])(\S+))?$/;
const FACT = /^@(\w+)(?: (.+))?$/;
const IN_TEXT = /\{(\w+)\}/g;
const OLD_NOTIFICATIONS = 'notification.kubernaut.ai/v1alpha1';
const SECOND = 1_000;
const SECONDS_PER_MINUTE = 60;

/** Facts of the play itself; those of the scenario are with it. */
const FACTS: Readonly<Record<string, Fact>> = {
  ...SCENARIO_FACTS,
  // As long as the block that it notifies about.
  cooldownEnd: ({ clock }) => timeText(clock.now() + (4 * SECONDS_PER_MINUTE * SECOND) / clock.speed),
  retention: ({ clock }) => timeText(clock.now() + clock.retentionMs),
  ref: (situation, part) => referenceTo(played(situation, part)),
  staleRef: (situation, part) => ({
    ...referenceTo(played(situation, part)),
    apiVersion: OLD_NOTIFICATIONS,
  }),
  nameOf: (situation, part) => played(situation, part).metadata.name,
  createdAt: (situation, part) => played(situation, part).metadata.creationTimestamp,
  // A member of another resource, `@of KE/1 status.phase`.
  of: (situation, argument) => {
    const [part = '', path = ''] = argument.split(' ');
    return at(played(situation, part) as unknown as JsonObject, path) ?? null;
  },
  elapsed: (situation, since) => goDuration(elapsedMs(situation, since)),
  elapsedMs,
};

/** The template with its facts in place. Facts are not looked into: what a signal says is never taken for a template. */
export function fillIn(template: TemplateObject, situation: Situation): JsonObject {
  return Object.fromEntries(
    Object.entries(template).map(([member, value]) => [member, filled(value, situation)]),
  );
}

function filled(template: Template, situation: Situation): JsonValue {
  if (typeof template === 'string') return filledText(template, situation);
  if (Array.isArray(template)) return template.map((item: Template) => filled(item, situation));
  if (typeof template === 'object' && template !== null) return fillIn(template as TemplateObject, situation);
  return template;
}

function filledText(text: string, situation: Situation): JsonValue {
  const now = NOW.exec(text);
  if (now) {
    const [, sign = '+', span = '0s'] = now;
    const distanceMs = millisecondsOf(span) / situation.clock.speed;
    return timeText(situation.clock.now() + (sign === '-' ? -distanceMs : distanceMs));
  }
  const [, name, argument = ''] = FACT.exec(text) ?? [];
  if (name !== undefined) return factNamed(name)(situation, argument);
  return text.replaceAll(IN_TEXT, (_, word: string) => asText(factNamed(word)(situation, '')));
}

const asText = (fact: JsonValue): string => (typeof fact === 'string' ? fact : JSON.stringify(fact));

function factNamed(name: string): Fact {
  const fact = Object.hasOwn(FACTS, name) ? FACTS[name] : undefined;
  if (fact === undefined) throw new Error(`a story names the fact ${name}, which facts.ts does not have`);
  return fact;
}

function played({ parts }: Situation, part: string): PlayedObject {
  const object = parts.get(part as Part);
  if (object === undefined) throw new Error(`a story refers to ${part} before it creates it`);
  return object;
}

/** What refers to an object of the cluster. */
const referenceTo = ({ apiVersion, kind, metadata }: PlayedObject): JsonObject => ({
  apiVersion,
  kind,
  name: metadata.name,
  namespace: metadata.namespace,
  uid: metadata.uid,
});

/** Since a time in the status of the resource that is written. */
function elapsedMs({ subject, clock }: Situation, since: string): number {
  const from = subject?.status?.[since];
  if (typeof from !== 'string') throw new Error(`a story counts the time since ${since}, which is not set`);
  return Math.max(0, Math.floor(clock.now() / SECOND) * SECOND - Date.parse(from));
}

/** As Go prints a duration of whole seconds: `3m30s`. */
export function goDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / SECOND);
  const minutes = Math.floor(seconds / SECONDS_PER_MINUTE);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % SECONDS_PER_MINUTE}s`;
}
