// Names whose values are secret, and names that only look so, as data; below them, how a name is judged.

/** A name that says that its value is secret. */
export interface KeyRule {
  readonly kind: string;
  /** Last words of the name, or any words of it: `api key` matches `API-Key`, `apiKey`, `x_api_key_prod`. */
  readonly words: string;
  /** Also the last letters of one word: `dbpassword`, `authtoken`. Default false. */
  readonly suffix?: boolean;
  /** Also an ordinary word: in prose (`secret: not found`) the value must look like a secret. Default false. */
  readonly common?: boolean;
}

export const KEY_RULES: readonly KeyRule[] = [
  { kind: 'password', words: 'password', suffix: true },
  { kind: 'password', words: 'passwords', suffix: true },
  { kind: 'password', words: 'passwd', suffix: true },
  { kind: 'password', words: 'pwd', suffix: true },
  { kind: 'password', words: 'passphrase', suffix: true },
  { kind: 'password', words: 'passcode', suffix: true },
  { kind: 'api-key', words: 'api key' },
  { kind: 'api-key', words: 'apikey', suffix: true },
  { kind: 'api-key', words: 'api keys' },
  { kind: 'access-key', words: 'access key' },
  { kind: 'access-key', words: 'accesskey', suffix: true },
  { kind: 'access-key', words: 'account key' },
  { kind: 'private-key', words: 'private key' },
  { kind: 'private-key', words: 'privatekey', suffix: true },
  { kind: 'private-key', words: 'signing key' },
  { kind: 'private-key', words: 'encryption key' },
  { kind: 'private-key', words: 'master key' },
  { kind: 'connection-string', words: 'connection string' },
  { kind: 'connection-string', words: 'connectionstring', suffix: true },
  { kind: 'connection-string', words: 'conn str' },
  { kind: 'connection-string', words: 'dsn' },
  { kind: 'secret', words: 'secret key' },
  { kind: 'secret', words: 'client secret' },
  { kind: 'secret', words: 'secret', suffix: true, common: true },
  { kind: 'secret', words: 'secrets', common: true },
  { kind: 'token', words: 'token', suffix: true, common: true },
  { kind: 'token', words: 'tokens', common: true },
  { kind: 'credential', words: 'credential', suffix: true, common: true },
  { kind: 'credential', words: 'credentials', suffix: true, common: true },
  { kind: 'authorization', words: 'authorization', common: true },
  { kind: 'cookie', words: 'cookie', common: true },
  { kind: 'cookie', words: 'cookies', common: true },
];

/** Words and phrases, separated by commas. */
export function wordList(text: string): ReadonlySet<string> {
  return new Set(text.split(',').map((words) => words.trim()));
}

/** Whole names that speak about a secret and hold none: references and kinds of the Kubernetes API. */
const PUBLIC_NAMES = wordList(`
  secret name, secret ref, secret key ref, secret type, existing secret, image pull secret,
  image pull secrets, pull secret, automount service account token, token review, subject token type
`);

/** Last words of a name that make it a remark about a secret: `token_ttl`, `passwordPolicy`, `private-key-file`. */
const REMARK_WORDS = wordList(`
  age, algorithm, at, audience, budget, count, enabled, endpoint, expiration, expired, expires, expiry,
  file, format, in, issuer, length, limit, mode, path, policy, provider, refs, required, rotation,
  seconds, status, ttl, type, uri, url, usage, used, valid
`);

/** Members that say which secret is meant, below a name that is secret itself: `updateSecret: {name, namespace}`. */
export const REFERENCE_MEMBERS = wordList(`
  apiVersion, kind, name, namespace, uid, type, optional, user, username
`);

/** Names whose values are digests and identities of things: long and random-looking, yet what an audit is about. */
const FINGERPRINT_WORDS = wordList(`
  fingerprint, digest, checksum, hash, sha1, sha256, sha512, uid, uuid, etag, integrity, trace,
  traceparent, span, image, bundle
`);

/** Names of people and accounts that acted. Who acted is the audit, so the personal rules pass them by. */
const IDENTITY_NAMES = wordList(`
  decided by, last modified by, acting user, groups, cleared by, user identity, approved by,
  requested by, rejected by, created by, actor, username, approval decided by
`);

/** All that a name says, worked out once. */
interface NameJudgement {
  readonly rule: KeyRule | undefined;
  readonly isPublic: boolean;
  readonly isIdentity: boolean;
  readonly isFingerprint: boolean;
  /** It says none of these, as most names. */
  readonly isPlain: boolean;
}

/** What the name of a value says about it. */
export interface KeyNames {
  judge(name: string): NameJudgement;
  /** The rule by which the value of that name is secret. */
  secretRule(name: string): KeyRule | undefined;
  /** Whether the value is known to hold no secret, also below a name that is secret. */
  isPublic(name: string): boolean;
  /** Whether the value is a person or account that acted. */
  isIdentity(name: string): boolean;
  /** Whether the value is a digest or the identity of a thing. */
  isFingerprint(name: string): boolean;
  /** Matches a part of every name that may be secret, so that text is searched once. */
  readonly finder: RegExp;
}

/** Names longer than this are sentences. */
const LONGEST_NAME = 256;

/** Lower-case words of a name in any case and with any separator: `DBPassword`, `db-password` and `db.password` alike. */
function wordsOf(name: string): readonly string[] {
  const parts = name.slice(0, LONGEST_NAME).match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? [];
  return parts.map((part) => part.toLowerCase());
}

/** `extraNames` are secret besides the built-in ones; `exemptNames` are public whatever they contain. */
export function createKeyNames(extraNames: readonly string[], exemptNames: readonly string[]): KeyNames {
  const rules = [...extraNames.map(ruleOf), ...KEY_RULES];
  const publicNames = new Set([...PUBLIC_NAMES, ...exemptNames.map((name) => wordsOf(name).join(' '))]);
  const mayBeSecret = finderOf(rules, 'i', '[^A-Za-z0-9]*');
  const ruleFor = (words: readonly string[], whole: string): KeyRule | undefined => {
    const rule = rules.find((candidate) => matches(candidate, words));
    if (rule === undefined || publicNames.has(whole)) return undefined;
    return REMARK_WORDS.has(words.at(-1) ?? '') ? undefined : rule;
  };
  const judge = remembering((name) => {
    const words = wordsOf(name);
    const whole = words.join(' ');
    const rule = mayBeSecret.test(name) ? ruleFor(words, whole) : undefined;
    const isPublic = publicNames.has(whole);
    const isIdentity = IDENTITY_NAMES.has(whole);
    const isFingerprint = words.some((word) => FINGERPRINT_WORDS.has(word));
    const isPlain = rule === undefined && !isPublic && !isIdentity && !isFingerprint;
    return { rule, isPublic, isIdentity, isFingerprint, isPlain };
  });
  return {
    judge,
    secretRule: (name) => judge(name).rule,
    isPublic: (name) => judge(name).isPublic,
    isIdentity: (name) => judge(name).isIdentity,
    isFingerprint: (name) => judge(name).isFingerprint,
    finder: finderOf(rules, 'i', '[ _.-]?'),
  };
}

/** A name of the configuration. It was configured on purpose, so it counts in prose as well. */
function ruleOf(name: string): KeyRule {
  return { kind: 'configured', words: wordsOf(name).join(' ') };
}

function matches(rule: KeyRule, words: readonly string[]): boolean {
  if (` ${words.join(' ')} `.includes(` ${rule.words} `)) return true;
  return rule.suffix === true && words.some((word) => word.endsWith(rule.words));
}

function finderOf(rules: readonly KeyRule[], flags: string, betweenWords: string): RegExp {
  const sources = new Set(rules.map((rule) => rule.words.split(' ').join(betweenWords)));
  return new RegExp([...sources].join('|'), flags);
}

/** Names made by strangers must not fill the memory: beyond this many the rest is judged anew each time. */
const MOST_REMEMBERED = 5_000;

/** The same few names come again with every record; what they mean never changes. */
function remembering(judge: (name: string) => NameJudgement): (name: string) => NameJudgement {
  const known = new Map<string, NameJudgement>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const judgement = judge(name);
    if (known.size < MOST_REMEMBERED && name.length <= LONGEST_NAME) known.set(name, judgement);
    return judgement;
  };
}
