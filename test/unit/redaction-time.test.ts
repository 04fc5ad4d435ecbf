import { describe, expect, test } from 'vitest';

import { createRedactor } from '../../src/domain/redaction.ts';

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

  /** Least time of this thread alone: what others do on the machine does not count. */
  function leastMicroseconds(text: string): number {
    const runs = Array.from({ length: 5 }, () => {
      const before = process.threadCpuUsage();
      own.redactText(text);
      const { user, system } = process.threadCpuUsage(before);
      return user + system;
    });
    return Math.max(1_000, Math.min(...runs));
  }

  test.each(Object.keys(hostile))('grows with the length of the text and not with its square: %s', (name) => {
    const make = hostile[name] ?? repeat(name);
    const [small, large] = [leastMicroseconds(make(SMALL)), leastMicroseconds(make(LARGE))];
    // Eight times the text: 8 where time is linear, 64 where it is quadratic.
    expect(large / small).toBeLessThan(32);
  });
});
