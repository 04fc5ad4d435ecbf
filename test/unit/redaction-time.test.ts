import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { canonicalJson } from '../../src/domain/json.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { MOST_WORK } from '../../src/redaction/budget.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { awsKey, filled, hostileJson, listOf, mapOf, SHAPES } from '../fuzz/hostile-json.ts';
import { someOf } from '../support/soak.ts';

describe('the time redaction takes', () => {
  const repeat = (unit: string) => (length: number) => unit.repeat(Math.ceil(length / unit.length));
  /** Text that makes one rule after the other begin again and again without ever coming to an end. */
  const hostile: Record<string, (length: number) => string> = {
    letters: repeat('a'),
    'base64 without an end': repeat('aB1+'),
    'beginnings of web tokens': repeat('ey-'),
    'dotted beginnings of web tokens': repeat('eyA.'),
    'URLs without a host': repeat('a://b:'),
    'database URLs without a host': repeat('postgres://b:'),
    'addresses without a domain': repeat('a@'),
    'domains without an address': repeat('a.'),
    'PEM that only begins': repeat('-----BEGIN A-----'),
    names: repeat('token'),
    'names without values': repeat('password:'),
    'quotes that nothing ends': repeat('token="'),
    'quotes of three kinds': repeat('token=\'token="token=`'),
    'escaped quotes of every depth': repeat('token=\\"token=\\\\\\"'),
    punctuation: (length) => `password=${')'.repeat(length)}`,
    backslashes: repeat('password=\\\\'),
    'Secrets in YAML': repeat('kind: Secret\ndata:\n'),
    'Secrets in JSON': repeat('{"kind":"Secret","data":{"a":"'),
    'Secrets in JSON without values': (length) => `"kind":"Secret"${repeat('"data":{')(length)}`,
    'lists of lists in YAML': (length) => `${repeat('- ')(length)}\ndata: Secret`,
    'opening brackets': repeat('['),
    headers: repeat('authorization: bearer '),
    cookies: repeat('cookie: a='),
    commands: repeat('curl '),
    numbers: repeat('1.'),
    telephones: repeat('+1 '),
    'one long JSON string': (length) => JSON.stringify({ a: 'x'.repeat(length) }),
  };
  const own = createRedactor({ personal: true });
  const [SMALL, LARGE] = [16 * 1024, 128 * 1024];

  /** Enough for the steps in which some systems count processor time, 4 ms each, and for what a garbage collection takes. */
  const ENOUGH_MS = 30;
  const TIMES = LARGE / SMALL;

  /** Time of this thread alone: what others do on the machine does not count. */
  function cpuMs(text: string, count: number): number {
    const before = process.threadCpuUsage();
    for (let run = 0; run < count; run += 1) own.redactText(text);
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1_000;
  }

  test.each(someOf(Object.keys(hostile), 9))(
    'grows with the length of the text and not with its square: %s',
    (name) => {
      const make = hostile[name] ?? repeat(name);
      const [small, large] = [make(SMALL), make(LARGE)];
      let [smallMs, largeMs] = [0, 0];
      // As many characters of each: 1 where time is linear, 8 where it is quadratic.
      while (smallMs < ENOUGH_MS && largeMs < TIMES * ENOUGH_MS) {
        smallMs += cpuMs(small, TIMES);
        largeMs += cpuMs(large, 1);
      }
      expect(largeMs / smallMs).toBeLessThan(4);
    },
  );
});

const LARGEST = 1_500_000;
/** What a value of the largest size may take, and how many times as long a slow and busy machine may need for it. */
const [LONGEST_MS, PATIENCE] = [200, 25];
/** Smaller values may grow to this. */
const FREE_SIZE = 2 * 1_024;

interface Measured {
  readonly value: JsonValue;
  readonly work: number;
  readonly cpuMs: number;
  readonly ratio: number;
}

function measured(value: JsonValue): Measured {
  let work = -1;
  const redactor = createRedactor({ personal: true }, (spent) => (work = spent));
  const before = process.cpuUsage();
  const redacted = redactor.redactJson(value).value;
  const { user, system } = process.cpuUsage(before);
  const [size, after] = [canonicalJson(value).length, canonicalJson(redacted).length];
  return {
    value: redacted,
    work,
    cpuMs: (user + system) / 1_000,
    ratio: after / Math.max(size, FREE_SIZE / 2),
  };
}

function expectWithinBounds(value: JsonValue): Measured {
  const result = measured(value);
  expect(result.work).toBeLessThanOrEqual(MOST_WORK);
  expect(result.ratio).toBeLessThanOrEqual(2);
  expect(result.cpuMs).toBeLessThan(LONGEST_MS * PATIENCE);
  return result;
}

describe('the work redaction does', () => {
  test.each(someOf(Object.keys(SHAPES), 9))(
    'is bounded for 1.5 MB of %s, and the result is no larger than twice',
    (name) => {
      expectWithinBounds(SHAPES[name]?.(LARGEST) ?? null);
    },
  );

  test.each(someOf(Object.keys(SHAPES), 9))('is no larger than twice for little of %s', (name) => {
    for (let size = 500; size < 5_000; size += 97) expectWithinBounds(SHAPES[name]?.(size) ?? null);
  });

  test('counts the quotes that a number gets when it is replaced', () => {
    const numbers = Array.from({ length: 56 }, () => ({ pwd: 1 }));
    expectWithinBounds({ numbers, padding: 'x '.repeat(210) });
  });

  test('is the same for the same value, whatever was redacted before', () => {
    const works: number[] = [];
    const used = createRedactor({}, (work) => works.push(work));
    const value = [
      SHAPES['small objects']?.(LARGEST) ?? null,
      SHAPES['keys that redact alike']?.(1_000) ?? null,
    ];
    const first = used.redactJson(value).value;
    for (const make of Object.values(SHAPES)) used.redactJson(make(20_000));
    expect(used.redactJson(value).value).toEqual(first);
    expect(works.at(-1)).toBe(works[0]);
  });

  test('grows with the number of keys that redact alike and not with its cube', () => {
    const workOf = (size: number): number => measured(SHAPES['keys that redact alike']?.(size) ?? null).work;
    expect(workOf(104_000) / workOf(13_000)).toBeLessThan(10);
    const { value, ratio } = measured(mapOf(52_000, awsKey));
    expect(Object.keys(value as JsonObject).slice(0, 3)).toEqual([
      '[REDACTED:aws-access-key]',
      '[REDACTED:aws-access-key]+2',
      '[REDACTED:aws-access-key]+3',
    ]);
    expect(Object.keys(value as JsonObject)).toHaveLength(2_000);
    expect(ratio).toBeLessThan(1.5);
  });

  test('ends the value it ran out at; what was read before stays', () => {
    const hostile = filled('token="', LARGEST);
    expect(measured({ name: 'rr-1', replicas: 3, hostile, ready: true, last: 1 }).value).toEqual({
      ...{ name: 'rr-1', replicas: 3, hostile: '[REDACTED:unreadable]', ready: true },
      // Whether it is the number of a password could not be found out.
      last: '[REDACTED:unreadable]',
    });
  });

  test('is spent on the short columns of a record first', () => {
    const columns = {
      parameters: canonicalJson(mapOf(LARGEST, awsKey)),
      failure_message: filled('token="', LARGEST),
      extra: canonicalJson({ password: 'x' }),
      workflow_name: 'restart',
      remediation_id: 'rr-1',
    };
    const { value, counts } = createRedactor().redactColumns(workflowExecutionAudit, columns);
    expect(value).toMatchObject({
      failure_message: '[REDACTED:unreadable]',
      extra: '{"password":"[REDACTED:password]"}',
      workflow_name: 'restart',
      remediation_id: 'rr-1',
    });
    expect(counts['unreadable']).toBeGreaterThan(0);
    // A list stays a list and an object an object: queries take their elements and merge them.
    expect(String(value['parameters'])).toMatch(/^\{/);
  });

  test('an ordinary record of 1.5 MB is read whole', () => {
    const pod = (index: number): JsonValue => ({
      ...{ name: `pod-${index}`, namespace: 'payments', uid: '3f2504e0-4f89-11d3-9a0c-0305e82c3301' },
      status: { phase: 'Running', restarts: index },
    });
    const log =
      '2026-11-21T10:44:30Z INFO controller reconciled pod payments/api-7f9c image=registry/x:1.2.0 err: timeout\n';
    for (const value of [
      listOf(LARGEST, 130, pod),
      filled(log, LARGEST),
      JSON.stringify(listOf(LARGEST, 130, pod)),
    ]) {
      expect(JSON.stringify(createRedactor().redactJson(value).value)).not.toContain('unreadable');
    }
  });

  test('is bounded for any JSON, and the result is no larger than twice', () => {
    fc.assert(
      fc.property(hostileJson, (value) => {
        fc.pre(canonicalJson(value).length <= LARGEST);
        expectWithinBounds(value);
      }),
      { numRuns: 60 },
    );
  });
});
