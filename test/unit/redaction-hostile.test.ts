import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createKeyNames } from '../../src/redaction/key-names.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { processorMs, shortest, slownessOfMachine } from '../support/machine-speed.ts';
import { IS_SOAK, sizeOf } from '../support/soak.ts';

const SIZE = 256 * 1_024;
/** Of the processor, for a text of that size; on a slow machine as much longer as it takes for other work. */
const LONGEST_MS = 300;
const ATTEMPTS = 4;
const slowness = slownessOfMachine();
const redactor = createRedactor({ personal: true });

function expectInTime(text: string): void {
  const limit = LONGEST_MS * slowness;
  const redact = (): number => processorMs(() => void redactor.redactText(text));
  const first = redact();
  expect(first < limit ? first : shortest(ATTEMPTS, redact), text.slice(0, 80)).toBeLessThan(limit);
}

const filled = (unit: string): string => unit.repeat(Math.ceil(SIZE / unit.length)).slice(0, SIZE);

/** What makes a rule begin, read ahead, or go back, again and again. */
const UNITS: Readonly<Record<string, readonly string[]>> = {
  'letters and numbers': [
    'a',
    'A1b2C3d4-',
    'Ab/',
    'aB1+',
    '1.',
    '+1 ',
    '\n',
    'a.',
    'a@',
    '-',
    '- ',
    '[',
    '{',
    '"\\\\"',
  ],
  'names and values': [
    ...[
      'token',
      'password:',
      'token="',
      'token=\'token="token=`',
      'password=\\\\',
      'pass=',
      'auth=',
      'app_key=',
      'a key=',
    ],
    ...[
      '"auth":"',
      'password is ',
      'password ',
      '--password ',
      '-token ',
      'password=<',
      'password=${',
      'arn:secret:',
    ],
    ...[
      '\nspring.password: a b',
      'db.pass: a b c d e f ',
      'token=a,,,,',
      'psk=',
      'pw=',
      'пароль: ',
      'passphrase is "a ',
      'key=',
      'secret key=0123456789abcdef0123456789abcdef ',
      'aes key=0123456789abcdef0123456789abcdef\n',
      'token_uri: a',
      '密码',
      'ñcontraseña=',
      'checksum/secret: ',
    ],
  ],
  headers: [
    'authorization: bearer ',
    'authorization: a ',
    'authorization: [a ',
    'cookie: a=',
    'bearer ',
    'basic ',
  ],
  addresses: [
    ...[
      'a://b:',
      'postgres://b:',
      'https://',
      'https://aaaaaaaaaaaaaaaaaaaa:',
      '&key=',
      '?key=a1b2&',
      '?auth=',
    ],
    ...[
      'discord.com/api/webhooks/',
      '//chat.',
      '//chat.a/hooks/',
      'api.telegram.org/bot',
      'hooks.slack.com/services/',
    ],
  ],
  tokens: [
    ...[
      'ey-',
      'eyA.',
      'gh',
      'ghp_',
      's.',
      '0',
      '00',
      'M',
      'xoxb-',
      'sk-',
      '1234567890:AA',
      'AAAA.atlasv1.',
      '1Q~',
      'a8Q~',
    ],
    ...[
      '00A-',
      '1//0',
      't1.',
      'hf_',
      'eyJrIjoi',
      'v1.0-',
      'dp.pt.',
      '-----BEGIN A-----',
      'eyJaaaaaaaaaaa.a.aaaaaaaa.',
      'sl.',
      'EAA',
      'EAA1',
      '1/1234567890:',
      'pat.',
      'live_',
      'sha256~',
      'GOOG',
    ],
  ],
  hashes: [
    '$2y$',
    '$6$',
    '$6$a$',
    '{SHA}',
    '{SSHA}aaa',
    '$argon2id$',
    '$y$a',
    'SCRAM-SHA-256$1:',
    'pbkdf2_sha256$1$',
  ],
  commands: [
    ...[
      'mysql ',
      'mysql -p',
      'echo ',
      'echo a ',
      'echo -n ',
      'vault login ',
      'vault login -a ',
      'htpasswd -b ',
      'curl ',
    ],
    ...[
      'docker login ',
      'openssl ',
      'curl -u ',
      'mc alias set ',
      'kubectl --from-literal=a=',
      'snmpwalk -A ',
    ],
  ],
  markup: [
    ...[
      '<a>',
      '<',
      '<password>',
      '<password>a',
      '<a name="password" ',
      '<![CDATA[',
      '<password><![CDATA[',
      '<key>',
    ],
    ...['<key>password</key><string>', '<a:b c="d">', ' key="password" value="'],
  ],
  YAML: [
    'password: |\n ',
    'password:\n ',
    'a:\n ',
    'token:\n  token:\n  ',
    'kind: Secret\ndata:\n',
    'Secret data:\n',
  ],
  JSON: [
    '{"kind":"Secret","data":{"a":"',
    '"kind":"Secret""data":{',
    'Secret{Data:map[string][]byte{a: [1 ',
    'Secret{Data:map[string][]byte{a: [1],',
    'Secret{StringData:map[string]string{"a":"',
    'Secret{StringData:map[string]string{a: b',
    'Secret{StringData:map[string]string{a: b,}',
    'Secret{Data:map[string][]uint8{"a":[]uint8{',
    '{"auths":{"a":{"auth":"',
  ],
  escapes: [
    '%3D',
    '%22',
    'password%3D',
    '%',
    '\\u0022',
    '&quot;',
    '%C3%A9',
    '\\xff',
    '\u200b',
    'ｐ',
    '𝗽𝗮𝘀𝘀=',
    'ｐａｓｓ＝',
    '&#112;',
    '&amp;',
    ':\\/\\/',
    '%5BREDACTED:note-0]',
    '\\u003cpassword\\u003e',
  ],
  files: [
    ...[
      'machine a login ',
      'machine ',
      'default login a password ',
      'a:5432:b:',
      'a:1:',
      'a.a:',
      '*:*:',
      '\nrequirepass ',
    ],
    ...[
      '\na:25 a',
      '\n[a',
      'user a on ',
      'user a on a a a a a a a >',
      'community a ',
      '\nusername a password 7',
    ],
    ...[
      'define("a",',
      'define("password","',
      'name: a, value: ',
      'name: PASSWORD, value: ',
      'variable "password" { ',
    ],
  ],
};
const ENDINGS = ['', ' '];
const MIXTURES = sizeOf('MIXTURES', { usual: 10, soak: 40 });

describe('256 KiB take at most 0.3 s of the processor', () => {
  test.each(Object.keys(UNITS))('of %s', (name) => {
    const units = UNITS[name] ?? [];
    // Each unit with one of the endings; in the soak with all of them.
    const texts = units.flatMap((unit, index) =>
      ENDINGS.filter((_, ending) => IS_SOAK || ending === index % ENDINGS.length).map(
        (ending) => unit + ending,
      ),
    );
    for (const text of texts) expectInTime(filled(text));
  });

  test('of any mixture of these', () => {
    const unit = fc.constantFrom(...Object.values(UNITS).flat(), ' ', '\n', 'x1Y');
    const mixture = fc.array(unit, { minLength: 2, maxLength: 6 }).map((units) => units.join(''));
    fc.assert(
      fc.property(mixture, (text) => {
        expectInTime(filled(text));
      }),
      { numRuns: MIXTURES, seed: 1, endOnFailure: true },
    );
  });
});

test('thousands of names that a stranger made up do not slow down those that come every time', () => {
  const names = createKeyNames([], []);
  const judge = (name: string): number =>
    processorMs(() => {
      for (let times = 0; times < 20_000; times += 1) names.judge(name);
    });
  const before = shortest(ATTEMPTS, () => judge('client_secret_of_the_service'));
  for (let index = 0; index < 20_000; index += 1) names.judge(`password_${index}`);
  // Judged anew each time, one that comes only now took twenty times as long and more.
  const after = shortest(ATTEMPTS, () => judge('client_secret_of_another_service'));
  expect(after).toBeLessThan(4 * before + 20 * slowness);
});
