import { describe, expect, test } from 'vitest';

import { createRedactor } from '../../src/redaction/redactor.ts';
import type { CorpusCase } from './fixtures/redaction/corpus.ts';
import { casesOf, readGroups } from './fixtures/redaction/corpus.ts';

const LEAST_CASES = 300;
const [LEAST_RECALL, MOST_FALSE] = [0.98, 0.03];
/** From this length on, half of a secret is a secret, too. */
const LONG_SECRET = 12;

const redactor = createRedactor();
const [secretGroups, harmlessGroups] = [readGroups('secret-'), readGroups('harmless-')];
const [secretCases, harmlessCases] = [secretGroups.flatMap(casesOf), harmlessGroups.flatMap(casesOf)];

/** What must not be there afterwards. */
function piecesOf(secret: string): readonly string[] {
  const middle = Math.floor(secret.length / 2);
  return secret.length < LONG_SECRET ? [secret] : [secret, secret.slice(0, middle), secret.slice(middle)];
}

function isFound({ text, secrets }: CorpusCase): boolean {
  const after = redactor.redactText(text).value;
  return secrets.flatMap(piecesOf).every((piece) => !after.includes(piece));
}

function isLeft({ text }: CorpusCase): boolean {
  return redactor.redactText(text).value === text;
}

/** Cases that fail, and their share. */
function failures(cases: readonly CorpusCase[], passes: (one: CorpusCase) => boolean) {
  const failed = cases.filter((one) => !passes(one)).map(({ id, text }) => `${id}: ${text}`);
  return { failed: failed.join('\n'), share: failed.length / cases.length };
}

describe('the corpus', () => {
  test('is large enough to mean something, and a good part of it is held back', () => {
    for (const cases of [secretCases, harmlessCases]) {
      expect(cases.length).toBeGreaterThanOrEqual(LEAST_CASES);
      const heldBack = cases.filter(({ isHeldBack }) => isHeldBack).length;
      expect(heldBack).toBeGreaterThanOrEqual(LEAST_CASES / 3);
    }
  });

  test('says of each shape where it is documented', () => {
    for (const { shape, documented } of [...secretGroups, ...harmlessGroups])
      expect(documented, shape).toMatch(/^[^:]+: \S/);
  });

  test('has its secrets filled in, and none of them elsewhere in its text', () => {
    for (const { id, around, secrets } of secretCases) {
      expect(secrets.length, id).toBeGreaterThan(0);
      for (const piece of secrets.flatMap(piecesOf)) expect(around, id).not.toContain(piece);
    }
    for (const { id, secrets } of harmlessCases) expect(secrets, id).toEqual([]);
    for (const { id, text } of [...secretCases, ...harmlessCases])
      expect(text, id).not.toMatch(/[⟦⟧]|\{\{(?:jwt|U|[A-Za-z]\d|b64:|word:)/);
  });
});

describe.each([
  ['cases that no rule was written for', true],
  ['cases that rules were written for', false],
])('of %s', (_, heldBack) => {
  const of = (cases: readonly CorpusCase[]) => cases.filter(({ isHeldBack }) => isHeldBack === heldBack);

  test('at least 98 in a hundred secrets are found', () => {
    const { failed, share } = failures(of(secretCases), isFound);
    expect(1 - share, failed).toBeGreaterThanOrEqual(LEAST_RECALL);
  });

  test('at most 3 in a hundred harmless texts lose something', () => {
    const { failed, share } = failures(of(harmlessCases), isLeft);
    expect(share, failed).toBeLessThanOrEqual(MOST_FALSE);
  });
});

test('what only JSON shows is found there', () => {
  const value = {
    args: ['--password', 'hunter-two', '--token-file', '/etc/token', '--replicas', '3'],
    key: { kty: 'EC', x: 'public', d: 'private-part' },
    auths: { 'registry.example.com': { auth: 'dTpw' } },
    contraseña: 'dos palabras',
    secretFiles: { secretFile: '/run/secrets/db', token_uri: 'https://idp.example.com/Token1', tokenFile: 7 },
    passwordFile: 'Xk92mnQ77Zp4',
    ｐａｓｓｗｏｒｄ: 'two words',
    'to\u200bken': 'a1b2c3d4',
    env: [{ name: 'DB_ПАРОЛЬ', value: 'черепица' }],
    auth: { type: 'oidc', issuer: 'https://idp.example.com' },
    checks: { pass: 41, fail: 0 },
  };
  expect(redactor.redactJson(value).value).toEqual({
    ...value,
    args: ['--password', '[REDACTED:password]', '--token-file', '/etc/token', '--replicas', '3'],
    key: { kty: 'EC', x: 'public', d: '[REDACTED:private-key]' },
    auths: { 'registry.example.com': { auth: '[REDACTED:authorization]' } },
    contraseña: '[REDACTED:password]',
    passwordFile: '[REDACTED:password]',
    ｐａｓｓｗｏｒｄ: '[REDACTED:password]',
    'to\u200bken': '[REDACTED:token]',
    env: [{ name: 'DB_ПАРОЛЬ', value: '[REDACTED:password]' }],
  });
});

test('a block of more lines than a call takes arguments is replaced, too', () => {
  const text = `password: |${'\n'.repeat(200_000)}  hunter-two\nuser: app`;
  expect(redactor.redactText(text).value).not.toContain('hunter-two');
});

test.each(['auth: |\n  oidc', '<auth>oidc</auth>', '["--auth", "oidc"]', 'name: AUTH, value: oidc'])(
  'a name that is also that of other things hides no word: %s',
  (text) => {
    expect(redactor.redactText(text).value).toBe(text);
  },
);

test.each([
  'rootpw-backup',
  'auth_pass.conf',
  'payments/Deployment/requirepass-check',
  'replace bindpw-sync now',
])('a resource whose name begins like a directive keeps its name: %s', (text) => {
  expect(redactor.redactText(text).value).toBe(text);
});

test('a directive that a blank follows hides its value', () => {
  expect(redactor.redactText('requirepass tr0ub4dor').value).toBe('requirepass [REDACTED:password]');
});

test('redacting a case twice is redacting it once', () => {
  for (const { id, text } of [...secretCases, ...harmlessCases]) {
    const once = redactor.redactText(text).value;
    expect(redactor.redactText(once), id).toEqual({ value: once, counts: {} });
  }
});

test('the rest of an escaped text stays as it was escaped', () => {
  const text =
    'next=%2Fhome%3Fa%3D1%26password%3Dhunter-two%26lang%3Dde \\u0022token\\u0022:\\u0022a1b2c3d4\\u0022 &lt;b&gt;';
  expect(redactor.redactText(text).value).toBe(
    'next=%2Fhome%3Fa%3D1%26password%3D[REDACTED:password]%26lang%3Dde \\u0022token\\u0022:\\u0022[REDACTED:token]\\u0022 &lt;b&gt;',
  );
  const disguised = 'caf%C3%A9 \u200bp\u200bass\u200b=hunter-two\u200b，ｐｗ＝x\u200by ＯＫ %FF';
  expect(redactor.redactText(disguised).value).toBe(
    'caf%C3%A9 \u200bp\u200bass\u200b=[REDACTED:password]\u200b，ｐｗ＝[REDACTED:password] ＯＫ %FF',
  );
  const forged = 'password%3Dhunter-two [REDACTED:note-0] %5BREDACTED:note-7]';
  expect(redactor.redactText(forged).value).toMatch(/ \[REDACTED:note-0\] %5BREDACTED:note-7\]$/);
});
