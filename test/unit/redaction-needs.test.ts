import { expect, test } from 'vitest';

import { createKeyNames } from '../../src/redaction/key-names.ts';
import type { Rule } from '../../src/redaction/rule.ts';
import { orderedRules } from '../../src/redaction/rules.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { casesOf, readGroups } from './fixtures/redaction/corpus.ts';

// What a rule needs is looked for first, because that costs less: it must be wherever the rule would replace something.

const rules = orderedRules({ names: createKeyNames([], []), patterns: [], personal: true });
const withNeeds = rules.filter((rule): rule is Rule & { needs: RegExp } => rule.needs !== undefined);
const texts = readGroups('').flatMap((group) => casesOf(group).map(({ text }) => text));

const spend = (): void => undefined;

/** The rules that would change a text which does not have what they need. */
function passedOver(text: string): string[] {
  return withNeeds
    .filter(({ needs, find, replace }) => {
      const redact = (): string => '[REDACTED]';
      return !needs.test(text) && replace(text, { find, redact, spend }) !== text;
    })
    .map(({ name, find }) => `${name} ${String(find).slice(0, 40)}: ${text}`);
}

test('each text of the corpus has what the rules that change it need', () => {
  expect(texts.length).toBeGreaterThan(500);
  expect(texts.flatMap(passedOver)).toEqual([]);
});

test('each match alone, and pieces of the corpus in any order, have it too', () => {
  const matches = withNeeds.flatMap(({ find }) => texts.map((text) => find.exec(text)?.[0] ?? ''));
  const random = seededRandom(chooseSeed());
  const pieces = texts.flatMap((text) => text.split(/(?<=[\s:=@"'/,?&])/));
  const mixed = Array.from({ length: 5_000 }, () =>
    Array.from({ length: 1 + random.below(6) }, () => random.pick(pieces)).join(''),
  );
  expect([...matches, ...mixed].flatMap(passedOver)).toEqual([]);
});

test('a name, a version, a path and a uid have nothing that a rule needs', () => {
  const plain = [
    'api-server',
    'v1.4.2',
    'payments/Deployment/api',
    '0b5c7d1e-5d1b-4c7e-9b57-2f0f8d3f1a11',
    '',
  ];
  for (const { needs } of withNeeds) for (const text of plain) expect(text).not.toMatch(needs);
});
