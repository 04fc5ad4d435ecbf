import { BLOCK_HEAD, replaceBlockScalars } from './block-scalars.ts';
import { COMMAND, replaceInCommands } from './commands.ts';
import { replaceEncoded, replaceJsonWebTokens, replacePem } from './encoded.ts';
import type { KeyNames } from './key-names.ts';
import { replaceKeyValues } from './key-values.ts';
import {
  GO_SECRET,
  replaceSecretsInGoDumps,
  replaceSecretsInJsonText,
  replaceSecretsInYaml,
} from './kubernetes-secret.ts';
import { ELEMENTS, PAIR_ATTRIBUTES, replaceElements, replacePairAttributes } from './markup.ts';
import type { RedactionPattern } from './options.ts';
import { ADDRESS_RULES, FILE_RULES, GAP, PAIR, replaceInPairs } from './place-rules.ts';
import type { Replace, Rule } from './rule.ts';
import { afterPrefix, afterPrefixIf, whole, wholeIf } from './rule.ts';
import { PASSWORD_HASHES, TOKEN_FORMS } from './token-forms.ts';
import { areCredentials, isOpaque, isUid, isValue, looksSecret } from './values.ts';

// What counts as secret in a text, as data. An expression must be linear: bounded repetitions, or anchored at the start of
// the run of characters it reads, because it meets megabytes of text that somebody else wrote.

/** What the options of an installation bring to the built-in rules. */
interface Configured {
  readonly names: KeyNames;
  readonly patterns: readonly RedactionPattern[];
  readonly personal: boolean;
}

/**
 * All rules in the order in which they are applied. What shows most about its secret comes first: a key in PEM is one
 * secret and not forty lines of base64, and a header ends where its rule says, before names and values are looked for.
 */
export function orderedRules({ names, patterns, personal }: Configured): readonly Rule[] {
  return [
    { name: 'pem', find: /-----BEGIN /, replace: replacePem, needs: SIGN },
    { name: 'kubernetes-secret', find: /Secret/, replace: replaceSecretsInYaml, needs: SIGN },
    { name: 'kubernetes-secret', find: /Secret/, replace: replaceSecretsInJsonText, needs: SIGN },
    { name: 'kubernetes-secret', find: GO_SECRET, replace: replaceSecretsInGoDumps, needs: SIGN },
    ...[...HEADER_RULES, ...URL_RULES].map((rule) => ({ needs: PAIR_SIGN, ...rule })),
    { name: 'jwt', find: /\.e/, replace: replaceJsonWebTokens },
    ...TOKEN_RULES,
    ...ADDRESS_RULES,
    { name: 'password', find: COMMAND, replace: replaceInCommands, needs: GAP },
    ...FILE_RULES.map((rule) => ({ needs: SIGN, ...rule })),
    ...patterns.map(({ kind, pattern }) => ({ name: kind, find: new RegExp(pattern, 'gu'), replace: whole })),
    { name: 'named', find: BLOCK_HEAD, replace: replaceBlockScalars(names), needs: SIGN },
    { name: 'named', find: ELEMENTS, replace: replaceElements(names), needs: SIGN },
    { name: 'named', find: PAIR_ATTRIBUTES, replace: replacePairAttributes(names), needs: SIGN },
    { name: 'named', find: PAIR, replace: replaceInPairs(names), needs: SIGN },
    { name: 'named', find: names.finder, replace: replaceKeyValues(names), needs: SIGN },
    {
      name: 'base64',
      find: /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{40}/,
      replace: replaceEncoded,
      exceptIn: 'fingerprint',
    },
    ...(personal ? PERSONAL_RULES : []),
  ];
}

/** Stands in no name, path, version or uid, and they are most of what is recorded. */
const SIGN = /[^\w./-]/;
const PAIR_SIGN = /[:='"]/;
const AUTHORIZATION = String.raw`\b((?:proxy-)?authorization["']?[ \t]{0,4}[:=][ \t]{0,4}["']?`;

/** Headers whose whole value is secret. A cookie differs from prose by its first `name=value`. */
const HEADER_RULES: readonly Rule[] = [
  {
    name: 'cookie',
    find: /\b((?:set-)?cookie["']?[ \t]{0,4}:[ \t]{0,4}["']?)[\w!#$%&'*+.^`|~-]{1,128}=[^\r\n"'\\]{1,8192}/gi,
    replace: afterPrefix,
  },
  {
    name: 'authorization',
    find: new RegExp(
      `${AUTHORIZATION}(?:bearer|basic|negotiate|ntlm)[ \\t]{1,4})[^\\s"'\\\\,;]{1,8192}`,
      'gi',
    ),
    replace: afterPrefix,
  },
  {
    name: 'authorization',
    find: new RegExp(`${AUTHORIZATION}(?:token|apikey)[ \\t]{1,4})[^\\s"'\\\\,;]{1,8192}`, 'gi'),
    replace: afterPrefixIf(looksSecret),
  },
  {
    name: 'authorization',
    // Schemes of single products: SSWS, GenieKey, Splunk, Bot.
    find: new RegExp(`${AUTHORIZATION}\\[?[A-Za-z][\\w-]{1,30}[ \\t]{1,4})[^\\s"'\\\\,;\\]]{8,8192}`, 'gi'),
    replace: afterPrefixIf((text) => isOpaque(text) || isUid(text)),
  },
  {
    name: 'authorization',
    find: new RegExp(
      `${AUTHORIZATION}(?:digest|hawk|aws4-hmac-sha256)[ \\t]{1,4})[^\\r\\n'\\\\]{1,8192}`,
      'gi',
    ),
    replace: afterPrefix,
  },
];

/** Services whose URLs carry a user and a password, where the password may hold a slash. */
const SERVICES =
  'postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|sqlserver|clickhouse|nats|ldaps?|smtps?';

const URL_RULES: readonly Rule[] = [
  {
    name: 'url-password',
    find: /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{1,30}:\/\/[^\s/:@"'<>[]{0,128}:)[^\s/"'<>]{1,256}(?=@)/gi,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'url-password',
    // A port and a path are no password: `postgres://db:5432/app?owner=a@b`.
    find: new RegExp(
      String.raw`\b((?:${SERVICES})(?:\+[a-z0-9]{1,20})?:\/\/[^\s/:@"'<>[]{0,128}:)(?!\d{1,5}[/?#])[^\s"'<>@]{1,256}(?=@)`,
      'gi',
    ),
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'url-password',
    find: /(jdbc:oracle:thin:\w{1,64}\/)[^\s@"']{1,256}(?=@)/gi,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'url-signature',
    find: /([?&](?:sig|signature|x-amz-signature|x-amz-security-token|x-amz-credential|x-goog-signature|x-goog-credential)=)[^\s&"'<>#]{4,4096}/gi,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'password',
    find: /(\bcurl\b[^\r\n|;]{0,200}?\s(?:-u|--user)[ =]{0,2}["']?[^\s:"']{1,64}:)[^\s"']{1,256}/gi,
    replace: afterPrefixIf(isValue),
  },
  { name: 'password', find: /(\bidentified by ['"])[^'"\r\n]{1,256}/gi, replace: afterPrefixIf(isValue) },
  {
    name: 'url-password',
    // The form of Go's MySQL driver, `user:password@tcp(host:3306)/db`.
    find: /(?<![\w.[-])([\w.-]{1,64}:)[^\s@:/"']{1,256}(?=@(?:tcp|unix)\()/g,
    needs: /@(?:tcp|unix)\(/,
    replace: afterPrefixIf(isValue),
  },
];

/** `sk-` begins names of things too: sk-learn-inference-server. */
function looksRandom(text: string): boolean {
  return /[A-Za-z0-9]{20}/.test(text) || (/[A-Z]/.test(text) && /\d/.test(text));
}

/** Begins where no longer word of the same letters does. One group for each kind. */
const TOKEN = new RegExp(
  `(?<![A-Za-z0-9_-])(?:${Object.values(TOKEN_FORMS)
    .map((forms) => `(${forms.join('|')})`)
    .join('|')})`,
  'g',
);
const TOKEN_KINDS = Object.keys(TOKEN_FORMS);

const replaceTokens: Replace = (text, { find, redact }) =>
  text.replace(find, (match, ...groups: unknown[]) =>
    redact(match, TOKEN_KINDS[groups.findIndex((group) => group !== undefined)]),
  );

/** Tokens that show by their form alone what they are. */
const TOKEN_RULES: readonly Rule[] = [
  { name: 'token', find: TOKEN, replace: replaceTokens },
  {
    name: 'slack-token',
    find: /(hooks\.slack(?:-gov)?\.com\/(?:services|workflows|triggers)\/)[A-Za-z0-9/_-]{8,255}/g,
    replace: afterPrefix,
  },
  { name: 'password-hash', find: new RegExp(PASSWORD_HASHES.join('|'), 'g'), replace: whole },
  { name: 'api-key', find: /(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,255}/g, replace: wholeIf(looksRandom) },
  {
    name: 'bearer',
    find: /\b(bearer[ \t]{1,4})[A-Za-z0-9._~+/-]{8,5000}={0,2}/gi,
    replace: afterPrefixIf(looksSecret),
  },
  {
    name: 'basic-auth',
    find: /\b(basic[ \t]{1,4})[A-Za-z0-9+/_-]{6,5000}={0,2}/gi,
    replace: afterPrefixIf(areCredentials),
  },
];

/** Off by default; see `personal` in the options. */
const PERSONAL_RULES: readonly Rule[] = [
  {
    name: 'email',
    find: /(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])/g,
    replace: whole,
    exceptIn: 'identity',
  },
  {
    name: 'ipv4',
    // 0.0.0.0 and 127.0.0.1 name no one; a fifth number, or a letter before it, makes it a version.
    find: /(?<![\w.-])(?!0\.0\.0\.0|127\.)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w-]|\.\d)/g,
    replace: whole,
    exceptIn: 'identity',
  },
  {
    name: 'phone',
    find: /(?<![\w+.-])(?:\+\d{1,3}[ .-]?)(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){2,4}(?![\w-])/g,
    replace: whole,
    exceptIn: 'identity',
  },
  {
    name: 'phone',
    find: /(?<![\w(+.-])\(\d{3}\) ?\d{3}-\d{4}(?![\w-])/g,
    replace: whole,
    exceptIn: 'identity',
  },
];
