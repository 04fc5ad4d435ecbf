import { COST } from './budget.ts';
import type { KeyNames } from './key-names.ts';
import type { Replace, Rule } from './rule.ts';
import { afterPrefix, afterPrefixIf } from './rule.ts';
import { isOpaque, isRemark, isUid, isValue, isValueOf, looksSecret } from './values.ts';

// Secrets that show by where they stand: in the address of a webhook or in the place of a user, in a file with a form of its
// own, behind a directive or in a call. They come after the tokens that show by their own form which kind they are.

/** Addresses that are secret themselves: whoever knows one may post there. What follows is the secret. */
const WEBHOOKS: readonly string[] = [
  String.raw`discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{15,22}/`,
  String.raw`(?:webhook\.office\.com/webhookb2|outlook\.office(?:365)?\.com/webhook)/`,
  String.raw`hooks\.zapier\.com/hooks/catch/`,
  String.raw`/open-apis/bot/v2/hook/`,
  String.raw`api\.telegram\.org/(?:file/)?bot`,
  String.raw`//(?:chat|mattermost)\.[a-z0-9.-]{1,128}/hooks/`,
  String.raw`events\.(?:eu\.)?pagerduty\.com/(?:integration/|generic/)`,
  String.raw`api\.opsgenie\.com/v1/json/[a-z]{1,32}\?apiKey=`,
  String.raw`maker\.ifttt\.com/trigger/[A-Za-z0-9_-]{1,64}/with/key/`,
];

/** A query, or what stands before a host. */
const ADDRESS_SIGN = /[?&]|:\/\//;

export const ADDRESS_RULES: readonly Rule[] = [
  {
    name: 'url-token',
    find: new RegExp(`(${WEBHOOKS.map((source) => `(?:${source})`).join('|')})[A-Za-z0-9@/_:-]{8,255}`, 'g'),
    replace: afterPrefix,
  },
  {
    name: 'url-token',
    find: /([?&](?:access_token|auth|auth_token|code|hash|key|session|sessionid|sid|sign|ticket|token)=)[A-Za-z0-9%._~+/-]{16,4096}/gi,
    needs: ADDRESS_SIGN,
    replace: afterPrefixIf((text) => isOpaque(text) || isUid(text)),
  },
  {
    name: 'url-token',
    // `https://TOKEN@host`, `https://TOKEN:@host`: a token in the place of the user.
    find: /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{1,30}:\/\/)[A-Za-z0-9_.~%+=-]{16,512}(?=(?::[^\s/@"'<>]{0,256})?@)/gi,
    needs: ADDRESS_SIGN,
    replace: afterPrefixIf(isOpaque),
  },
];

/** A port at which PostgreSQL or a pool before it listens; elsewhere the value must not be a word. */
const DATABASE_PORT = /:(?:\*|[56]\d{3}):|[*]/;

const SECRECY =
  /\b(?:aes|chacha20|cipher|crypto|(?:en|de)crypt\w{0,5}|hmac|passphrase|password|private|secret|signing|sign with)/i;
/** Of caches, tables and lists: they are looked up, and not kept secret. */
const LOOKED_UP =
  /(?:cache|dedup\w{0,8}|foreign|group|idempotency|index|lookup|map|object|partition|primary|public|routing|row|shard|sort) $/i;
const NEXT_TO = 48;

/** Hexadecimal under the bare name `key`, which is that of many things, where words beside it speak of secrecy. */
const replaceHexKeys: Replace = (text, { find, redact, spend }) =>
  text.replace(find, (match: string, prefix: string, start: number) => {
    spend(COST.start + match.length);
    const before = text.slice(Math.max(0, start - NEXT_TO), start);
    const end = start + match.length;
    const [last = '', first = ''] = [
      before.split('\n').at(-1),
      text.slice(end, end + NEXT_TO).split('\n', 1)[0],
    ];
    const isSecret = (SECRECY.test(last) || SECRECY.test(first)) && !LOOKED_UP.test(last);
    return isSecret ? prefix + redact(match.slice(prefix.length)) : match;
  });

/** Before the argument of a command, and between the words of a file. */
export const GAP = /[\s,]/;

/** Files and directives with a form of their own. */
export const FILE_RULES: readonly Rule[] = [
  {
    name: 'password',
    // The .netrc of curl and Git.
    find: /(\b(?:machine\s{1,8}\S{1,256}|default)\s{1,8}login\s{1,8}\S{1,256}\s{1,8}(?:account\s{1,8}\S{1,256}\s{1,8})?password\s{1,8})(?:"[^"\n]{1,256}"|[^\s"]{1,256})/g,
    needs: GAP,
    replace: afterPrefixIf((text) => isValue(text) && !isRemark(text)),
  },
  {
    name: 'password',
    // The .pgpass of PostgreSQL.
    find: /(?<![\w.:*/@-])((?!\d+:)(?:[\w.-]{1,253}|\*):(?:\d{4,5}|\*):(?:[\w-]{1,64}|\*):[\w.-]{1,64}:)[^\s:"'/]{1,256}(?![^\s"'])/g,
    replace: (text, { find, redact }) =>
      text.replace(find, (match, prefix: string) => {
        const secret = match.slice(prefix.length);
        return (DATABASE_PORT.test(prefix) && !isRemark(secret)) || looksSecret(secret)
          ? prefix + redact(secret)
          : match;
      }),
  },
  {
    name: 'password',
    // Postfix: the server, and who logs in there.
    find: /((?:^|\n)[ \t]{0,8}\[?[\w.-]{1,253}\]?:(?:25|465|587|2525)[ \t]{1,16}[^\s:]{1,128}:)[^\s]{1,256}/g,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'password',
    // Directives that are followed by a blank: Redis, OpenLDAP, keepalived, HAProxy, Cisco.
    find: /((?:^|\n)[ \t]{0,16}(?:config set )?(?:(?:requirepass|masterauth|primaryauth|bindpw|rootpw|auth_pass|rcon_password|sasl_passwd|(?:username \S{1,64} )?(?:password|secret) [0-9]|snmp-server community)[ \t]{1,8}|stats auth [^\s:]{1,64}:[ \t]{0,8}))(?:"[^"\n]{1,256}"|[^\s"]{1,256})/gi,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'password',
    find: /(\buser \S{1,64} (?:on|off)(?: \S{1,64}){0,8}? >)\S{1,256}/gi,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'password',
    find: /(\bgetConnection\([^()"']{1,256},\s{0,8}"[^"\r\n]{0,128}",\s{0,8}")[^"\r\n]{1,256}/g,
    replace: afterPrefixIf(isValue),
  },
  { name: 'password', find: /(\bpassword\(\s{0,4}['"])[^'"\r\n]{1,256}/gi, replace: afterPrefixIf(isValue) },
  {
    name: 'password',
    find: /(\bConvertTo-SecureString\s{1,4}(?:-String\s{1,4})?['"])[^'"\r\n]{1,256}/gi,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'password',
    find: /(\bauth-user-pass inline:[ \t]{0,4})[^\r\n]{1,256}/gi,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'password',
    find: /(\bsnmp(?:[ _-]?community| [a-z]{1,16} community)[ \t]{0,4}[:=][ \t]{0,4})[^\s"']{1,128}/gi,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'password',
    find: /(\bcommunity[ \t]{1,4})[^\s"']{1,64}(?=[ \t]{1,4}(?:ro|rw)\b)/gi,
    replace: afterPrefixIf((text) => /[^a-z]/.test(text)),
  },
  {
    name: 'password',
    // Oracle: `scott/tiger@//db:1521/orders`.
    find: /(?<![\w/.$#-])([\w$#]{1,64}\/)[^\s/@"']{1,128}(?=@\/\/)/g,
    needs: /@\/\//,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'password',
    find: /(\b(?:user(?:name)?|login)\/pass(?:word)?[ \t]{0,4}[:=][ \t]{0,4}[^\s/:]{1,64}[/:])[^\s"']{1,256}/gi,
    replace: afterPrefixIf(isValue),
  },
  {
    name: 'private-key',
    find: /(?<![\w.-])(key["']?[ \t]{0,4}[:=][ \t]{0,4}["']?)(?:[a-f0-9]{2}){16,64}(?![\w-])/gi,
    replace: replaceHexKeys,
  },
];

/**
 * A name and its value as the arguments of a call or of a command that sets it, as the default of a variable of Terraform, and
 * as a pair in YAML: `{name: DB_PASSWORD, value: x}`.
 */
export const PAIR =
  /((?:\b(?:define|putenv|[sS]etenv|getenv|getProperty|getOrDefault|get|setProperty|set|put|setEnv|setItem|withEnv|set_config)\(\s{0,8}|\b(?:config|configure) set[ \t]{1,4}|\b(?:variable|ENV|ARG)[ \t]{1,4}|["']--?|\bname["']?:[ \t]{0,4})["']?)([\w.:/-]{1,256})((?:["']?\s{0,8},\s{0,8}|["']?\s{1,64}|["']?[ \t]{1,4}\{[^{}"']{0,256}?\bdefault\s{0,8}=\s{0,8})(?:["']?value["']?:[ \t]{0,4})?)("[^"\r\n]{1,1024}"|'[^'\r\n]{1,1024}'|[^\s"'{},)]{1,1024})/g;

export function replaceInPairs(names: KeyNames): Replace {
  return (text, { find, redact, spend }) =>
    text.replace(find, (match, ...groups: string[]) => {
      const [before, name, between, value] = groups as [string, string, string, string];
      spend(COST.start + match.length);
      const rule = names.secretRule(name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf(':')) + 1));
      if (rule === undefined || !isPair(before, between)) return match;
      const [quote = ''] = /^["']/.exec(value) ?? [];
      const secret = value.slice(quote.length, value.length - quote.length);
      if (!isValueOf(rule, secret) || isRemark(secret)) return match;
      return before + name + between + quote + redact(secret, rule.kind) + quote;
    });
}

/** What follows a `name:` is its value only under the name `value`. */
function isPair(before: string, between: string): boolean {
  return !before.startsWith('name') || /value["']?:[ \t]{0,4}$/.test(between);
}
