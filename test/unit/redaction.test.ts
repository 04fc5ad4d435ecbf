import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { JsonValue } from '../../src/domain/json.ts';
import { canonicalJson, parseJson } from '../../src/domain/json.ts';
import type { Column, Columns } from '../../src/domain/records/definition.ts';
import { observedColumns } from '../../src/domain/records/definition.ts';
import { DESCRIBED_TABLES } from '../../src/domain/records/index.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { createKeyNames, KEY_RULES } from '../../src/redaction/key-names.ts';
import { parseRedactionOptions, RedactionOptionsError } from '../../src/redaction/options.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { orderedRules } from '../../src/redaction/rules.ts';
import { TOKEN_FORMS } from '../../src/redaction/token-forms.ts';
import { TOKENS } from './fixtures/redaction/tokens.ts';

const redactor = createRedactor();

describe('the columns of an observation', () => {
  const realistic: Record<string, string> = {
    remediation_id: 'rr-b157a3a9e42f-1c2b5576',
    remediation_uid: '0b8e8e5c-7a3f-4f0e-9f43-4f6f2f3b7a10',
    source_uid: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    container_image: `quay.io/kubernautworkflows/executionbundles/OOMKillIncreaseMemory2:v1.2.3@sha256:${TOKENS['hex64'] ?? ''}`,
    workflow_version: 'v1.24.0-rc.3+build.20261121.sha.5114f85',
    signal_fingerprint: TOKENS['hex64'] ?? '',
    alert_fingerprint: TOKENS['hex64'] ?? '',
    pre_remediation_spec_hash: `sha256:${TOKENS['hex64'] ?? ''}`,
    approval_decided_by: 'alice@example.com',
    correlation_id: TOKENS['base64'] ?? '',
    skip_reason: 'RecentlyRemediated',
    failure_message: 'OOMKilled: container api exceeded 512Mi (exit code 137)',
    parameters: canonicalJson({
      TARGET_NAMESPACE: 'payments',
      MEMORY_LIMIT: '1Gi',
      DRY_RUN: false,
      REPLICAS: 3,
    }),
    extra: canonicalJson({
      first_seen: '2026-11-21T10:48:00Z',
      trace: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    }),
  };
  const sampleOf = ({ name, type }: Column): string | boolean => {
    const known = realistic[name];
    if (known !== undefined) return known;
    switch (type) {
      case 'boolean':
        return true;
      case 'jsonb':
        return canonicalJson([
          { name: 'step-1', status: 'Completed', digest: TOKENS['hex64'] ?? '', score: parseJson('0.930') },
        ]);
      case 'text':
        return `${name.replaceAll('_', '-')}-7d4b9c8f6d-x2x7q`;
      case 'timestamptz':
        return '2026-11-21T10:48:00.123456Z';
      case 'interval':
        return '00:02:03.5';
      case 'uuid':
        return '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
      default:
        return '9007199254740993';
    }
  };

  test.each(DESCRIBED_TABLES.map((definition) => ({ table: definition.table, definition })))(
    'of $table: names, uids, digests, versions, fingerprints and numbers survive as they are',
    ({ definition }) => {
      const columns = Object.fromEntries(
        observedColumns(definition).map((column) => [column.name, sampleOf(column)]),
      );
      expect(redactor.redactColumns(definition, columns)).toEqual({ value: columns, counts: {} });
      const personal = createRedactor({ personal: true });
      expect(personal.redactColumns(definition, columns)).toEqual({ value: columns, counts: {} });
    },
  );

  test('lose the secrets of their text and JSON, digit for digit nothing else, and are counted by kind', () => {
    const columns: Columns = {
      remediation_id: 'rr-1',
      failure_message: `login with password=hunter2-x failed; tried ${TOKENS['github'] ?? ''}`,
      parameters: '{"COUNT":9007199254740993,"DB_PASSWORD":"hunter2-x","RATIO":1.10}',
      total_duration: '00:02:03',
      total_steps: '3',
    };
    expect(redactor.redactColumns(workflowExecutionAudit, columns)).toEqual({
      value: {
        ...columns,
        failure_message: 'login with password=[REDACTED:password] failed; tried [REDACTED:github-token]',
        parameters: '{"COUNT":9007199254740993,"DB_PASSWORD":"[REDACTED:password]","RATIO":1.10}',
      },
      counts: { password: 2, 'github-token': 1 },
    });
  });
});

describe('the order of the rules', () => {
  const { github = '', jwt = '', pkcs8Key = '', basic = '' } = TOKENS;
  // Each text has a secret that two rules would find. The earlier one says more about it.
  test.each([
    ['a key in PEM is one secret, not base64', `the key is ${pkcs8Key}`, ['pem']],
    ['a header is its header, not its scheme', `authorization: bearer ${github}`, ['authorization']],
    ['a URL loses its password, not what stands in it', `postgres://db:${github}@host/app`, ['url-password']],
    ['a web token is a web token, not the value of a name', `token=${jwt}`, ['jwt']],
    ['a token shows what it is, whatever its name', `password=${github}`, ['github-token']],
    ['a web token is no long base64', `found ${jwt}`, ['jwt']],
    ['credentials are not the value of a name', `token: basic ${basic}`, ['basic-auth']],
  ])('%s', (_sentence, text, kinds) => {
    expect(Object.keys(redactor.redactText(text).counts)).toEqual(kinds);
  });
});

describe('the documentation', () => {
  const documentation = readFileSync(new URL('../../docs/redaction.md', import.meta.url), 'utf8');

  test('names every kind that the built-in rules write, and no other', () => {
    const rows = documentation.split('## What stays')[0]?.matchAll(/^\|.*\|([^|]*)\|$/gm) ?? [];
    const documented = [...rows].flatMap(([, kinds = '']) =>
      [...kinds.matchAll(/`([a-z0-9-]+)`/g)].map(([, kind]) => kind),
    );
    const rules = orderedRules({ names: createKeyNames([], []), patterns: [], personal: true });
    // The kind of a named value is that of its name.
    const kinds = rules.map(({ name }) => name).filter((name) => name !== 'named');
    kinds.push(...Object.keys(TOKEN_FORMS));
    expect(new Set(documented)).toEqual(new Set([...kinds, ...KEY_RULES.map(({ kind }) => kind)]));
  });

  test('shows options that work', () => {
    const [, example = ''] = /```json\n([\s\S]*?)```/.exec(documentation) ?? [];
    const own = createRedactor(parseRedactionOptions(parseJson(example)));
    expect(
      own.redactJson({ CA_SECRET_NAME: 'ca', cardNumber: 1, note: 'DE89370400440532013000', token: 'test-x' })
        .value,
    ).toEqual({
      CA_SECRET_NAME: 'ca',
      cardNumber: '[REDACTED:configured]',
      note: '[REDACTED:iban]',
      token: 'test-x',
    });
  });
});

describe('the options', () => {
  test('add names and forms of secrets', () => {
    const own = createRedactor({
      keyNames: ['PIN', 'card number'],
      patterns: [{ kind: 'iban', pattern: '\\bDE\\d{20}\\b' }],
    });
    expect(own.redactText('pin=1234 cardNumber: 4111 from DE89370400440532013000').value).toBe(
      'pin=[REDACTED:configured] cardNumber: [REDACTED:configured] from [REDACTED:iban]',
    );
    expect(own.redactJson({ card_number: 4111, CARD_NUMBER: 'x', shopping: 'pin' }).value).toEqual({
      card_number: '[REDACTED:configured]',
      CARD_NUMBER: '[REDACTED:configured]',
      shopping: 'pin',
    });
  });

  test('add names of any language', () => {
    const own = createRedactor(parseRedactionOptions({ keyNames: ['пин код'] }));
    expect(own.redactText('ПИН-КОД: 1234, код: 7').value).toBe('ПИН-КОД: [REDACTED:configured], код: 7');
    expect(own.redactJson({ пинКод: 1234 }).value).toEqual({ пинКод: '[REDACTED:configured]' });
  });

  test('exempt names and values', () => {
    const own = createRedactor({ exemptNames: ['webhook_token'], exemptValues: ['test-[a-z]+'] });
    expect(
      own.redactJson({ webhookToken: 'abc', token: 'abc', password: 'test-only', secret: 'a test-only' })
        .value,
    ).toEqual({
      webhookToken: 'abc',
      token: '[REDACTED:token]',
      password: 'test-only',
      secret: '[REDACTED:secret]',
    });
  });

  test('switch on the personal rules, which pass by whoever acted', () => {
    const text = 'mail bob@example.com or call +49 30 901820 from 10.42.0.17, not 127.0.0.1 or v1.2.3.4';
    expect(redactor.redactText(text).counts).toEqual({});
    const personal = createRedactor({ personal: true });
    expect(personal.redactText(text)).toEqual({
      value: 'mail [REDACTED:email] or call [REDACTED:phone] from [REDACTED:ipv4], not 127.0.0.1 or v1.2.3.4',
      counts: { email: 1, phone: 1, ipv4: 1 },
    });
    const value = {
      decidedBy: 'alice@example.com',
      actingUser: { username: 'bob@example.com', groups: ['sre@example.com'] },
      message: 'asked carol@example.com',
    };
    expect(personal.redactJson(value).value).toEqual({ ...value, message: 'asked [REDACTED:email]' });
  });

  test('are read from JSON', () => {
    expect(parseRedactionOptions({ keyNames: ['pin'], personal: true })).toEqual({
      keyNames: ['pin'],
      exemptNames: [],
      exemptValues: [],
      patterns: [],
      personal: true,
    });
    expect(parseRedactionOptions({ patterns: [{ kind: 'iban', pattern: 'DE\\d+' }] }).patterns).toHaveLength(
      1,
    );
  });

  test.each<[JsonValue, string]>([
    [[], 'they must be one JSON object'],
    [{ keynames: [] }, 'keynames is unknown; known are keyNames'],
    [{ keyNames: 'pin' }, 'keyNames must be a list of texts'],
    [{ personal: 'yes' }, 'personal must be true or false'],
    [{ patterns: [{ kind: 'x' }] }, 'patterns must be a list of {kind, pattern}'],
    [{ patterns: [{ kind: 'No Kind', pattern: 'x' }] }, 'kind "No Kind" must be lower-case letters'],
    [{ patterns: [{ kind: 'x', pattern: '(' }] }, 'pattern of x is not a regular expression'],
    [{ patterns: [{ kind: 'x', pattern: 'a*' }] }, 'pattern of x matches the empty text'],
    [{ keyNames: ['--'] }, '"--" is not a name'],
  ])('that are wrong are refused at the start: %j', (options, problem) => {
    expect(() => parseRedactionOptions(options)).toThrow(RedactionOptionsError);
    expect(() => parseRedactionOptions(options)).toThrow(problem);
  });
});

describe('what is redacted', () => {
  const words = [
    ...[
      'password',
      'token',
      'secret: ',
      'api_key',
      '=',
      ': ',
      ':',
      '"',
      "'",
      '\\"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ';',
      '&',
      ' ',
      '\n',
    ],
    ...[
      'Bearer ',
      'Basic ',
      'Authorization: ',
      'Cookie: a=b',
      'postgres://u:',
      '@host/db',
      'https://',
      'kind: Secret\n',
      'data:\n  a: b\n',
    ],
    ...[
      '{"kind":"Secret","data":{"a":"b"}}',
      '-----BEGIN X-----',
      '-----END X-----',
      '[REDACTED:token]',
      '[REDACTED:',
      'hunter2-X9',
      '\\',
      '--',
    ],
    ...Object.values(TOKENS),
  ];
  const messy = fc
    .array(
      fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...words) }, { weight: 1, arbitrary: fc.string() }),
      { maxLength: 14 },
    )
    .map((parts) => parts.join(''));

  test('is not redacted again, whatever stands beside it', () => {
    for (const options of [{}, { personal: true }]) {
      const own = createRedactor(options);
      fc.assert(
        fc.property(messy, (text) => {
          const once = own.redactText(text).value;
          expect(own.redactText(once)).toEqual({ value: once, counts: {} });
        }),
        { numRuns: 3_000 },
      );
    }
  });

  test('is not redacted again in JSON either, and stays JSON of the same shape', () => {
    const json = fc.object({
      key: messy,
      values: [messy, fc.integer(), fc.boolean(), fc.constant(null)],
      maxDepth: 2,
    }) as fc.Arbitrary<JsonValue>;
    fc.assert(
      fc.property(json, (value) => {
        const once = redactor.redactJson(value).value;
        expect(redactor.redactJson(once)).toEqual({ value: once, counts: {} });
        expect(shapeOf(once)).toBe(shapeOf(value));
      }),
      { numRuns: 500 },
    );
  });

  test('never holds a token again that stood alone in the text', () => {
    const alone = [
      'github',
      'githubFine',
      'gitlab',
      'openai',
      'stripe',
      'slack',
      'awsKey',
      'jwt',
      'base64',
      'privateKey',
      'opensshKey',
    ];
    fc.assert(
      fc.property(
        fc.lorem({ maxCount: 8 }),
        fc.constantFrom(...alone),
        fc.lorem({ maxCount: 8 }),
        (before, name, after) => {
          const token = TOKENS[name] ?? '';
          const { value } = redactor.redactText(`${before} ${token} ${after}`);
          expect(value).not.toContain(token.slice(8, 40));
          expect(value.startsWith(before) && value.endsWith(after)).toBe(true);
        },
      ),
    );
  });

  test('is the very same value when nothing in it is secret', () => {
    const value = parseJson('{"a":[{"b":"c"},1.10],"d":"{\\"e\\": 1}"}');
    expect(redactor.redactJson(value).value).toBe(value);
  });

  test('keeps two members whose names become one', () => {
    const [one = '', other = ''] = [TOKENS['github'], TOKENS['githubOauth']];
    expect(redactor.redactJson({ [one]: 1, [other]: 2 }).value).toEqual({
      '[REDACTED:github-token]': 1,
      '[REDACTED:github-token]+2': 2,
    });
  });

  test('may be nested text within text as deep as somebody likes', () => {
    let text = 'password=hunter2-x';
    for (let level = 0; level < 8; level += 1) text = JSON.stringify({ text });
    expect(redactor.redactText(text).value).not.toContain('hunter2-x');
    expect(redactor.redactText('['.repeat(100_000)).value).toHaveLength(100_000);
  });
});

function shapeOf(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(shapeOf).join()}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.values(value as Record<string, JsonValue>)
      .map(shapeOf)
      .join()}}`;
  return '.';
}
