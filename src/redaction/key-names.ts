import { plainForm } from './escapes.ts';

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
  /** Only as the last words of the name: `DB_PASS`, but not `passThrough`. Default false. */
  readonly last?: boolean;
  /** Also the name of what is no secret, `routing key`: the value must look like one that a machine made. Default false. */
  readonly opaque?: boolean;
  /** Says where the secret lies, `secret_file`: only what can be no address is a secret. Default false. */
  readonly address?: boolean;
  /** Numbers under it are counts: `tokens: 812`, `pass=41`. Default false. */
  readonly counts?: boolean;
}

const opaqueKeys = (...names: readonly string[]): readonly KeyRule[] =>
  names.map((name) => ({ kind: 'api-key', words: `${name} key`, opaque: true }));
/** Names whose last word is `pass` and not set apart from the word before it. */
const gluedPasses = (...names: readonly string[]): readonly KeyRule[] =>
  names.map((name) => ({ kind: 'password', words: `${name}pass` }));

/** What a password is called in other languages, also as it is written without its accents. */
const PASSWORD_WORDS: readonly string[] = [
  // French, Spanish, Catalan, Portuguese.
  ...['motdepasse', 'mot de passe', 'contrasena', 'contraseña', 'contrasenya', 'senha', 'palavra passe'],
  // Dutch, Danish, Norwegian, Swedish, Finnish.
  ...['wachtwoord', 'adgangskode', 'passord', 'lösenord', 'losenord', 'salasana'],
  // Polish, Czech and Slovak, Hungarian, Russian, Greek.
  ...['hasło', 'heslo', 'jelszó', 'jelszo', 'пароль', 'κωδικός πρόσβασης'],
  // Turkish, Hebrew, Arabic, Hindi.
  ...['şifre', 'סיסמה', 'كلمة المرور', 'كلمة السر', 'पासवर्ड'],
  // Vietnamese, Indonesian.
  ...['mật khẩu', 'kata sandi'],
];
/** Chinese, Japanese and Korean set no word apart from the one before it. */
const GLUED_PASSWORD_WORDS: readonly string[] = ['密码', '密碼', 'パスワード', '비밀번호'];
/** They also mean a word, a motto, a command or a cipher. */
const AMBIGUOUS_PASSWORD_WORDS: readonly string[] = ['haslo', 'sifre', 'parola', '口令', '암호'];

export const KEY_RULES: readonly KeyRule[] = [
  { kind: 'password', words: 'password', suffix: true },
  { kind: 'password', words: 'passwords', suffix: true },
  { kind: 'password', words: 'passwd', suffix: true },
  { kind: 'password', words: 'pwd', suffix: true },
  { kind: 'password', words: 'passphrase', suffix: true },
  { kind: 'password', words: 'passcode', suffix: true },
  { kind: 'password', words: 'pass', last: true, common: true, counts: true },
  ...gluedPasses(
    'db',
    'user',
    'root',
    'admin',
    'store',
    'key',
    'auth',
    'ftp',
    'smtp',
    'mail',
    'bind',
    'ldap',
  ),
  ...gluedPasses('require', 'become', 'sudo', 'my', 'login', 'proxy', 'http', 'cert', 'pg', 'redis', 'mq'),
  { kind: 'password', words: 'pw', suffix: true, last: true },
  { kind: 'password', words: 'psk' },
  { kind: 'password', words: 'pre shared key' },
  { kind: 'password', words: 'preshared key' },
  { kind: 'password', words: 'psw', suffix: true },
  { kind: 'password', words: 'passwort', suffix: true },
  { kind: 'password', words: 'kennwort', suffix: true },
  ...PASSWORD_WORDS.map((words) => ({ kind: 'password', words })),
  ...GLUED_PASSWORD_WORDS.map((words) => ({ kind: 'password', words, suffix: true })),
  ...AMBIGUOUS_PASSWORD_WORDS.map((words) => ({ kind: 'password', words, common: true })),
  { kind: 'password', words: 'access code' },
  { kind: 'password', words: 'access codes' },
  { kind: 'password', words: 'security answer' },
  { kind: 'password', words: 'recovery code' },
  { kind: 'password', words: 'recovery codes' },
  { kind: 'api-key', words: 'api key' },
  { kind: 'api-key', words: 'apikey', suffix: true },
  { kind: 'api-key', words: 'api keys' },
  { kind: 'access-key', words: 'access key', common: true },
  { kind: 'access-key', words: 'accesskey', suffix: true },
  { kind: 'access-key', words: 'account key', common: true },
  { kind: 'private-key', words: 'private key', common: true },
  { kind: 'private-key', words: 'privatekey', suffix: true },
  { kind: 'private-key', words: 'signing key', common: true },
  { kind: 'private-key', words: 'encryption key', common: true },
  { kind: 'private-key', words: 'master key', common: true },
  { kind: 'connection-string', words: 'connection string' },
  { kind: 'connection-string', words: 'connectionstring', suffix: true },
  { kind: 'connection-string', words: 'conn str' },
  { kind: 'connection-string', words: 'dsn' },
  { kind: 'secret', words: 'secret key' },
  { kind: 'secret', words: 'client secret' },
  { kind: 'secret', words: 'secret', suffix: true, common: true },
  { kind: 'secret', words: 'secrets', common: true },
  { kind: 'token', words: 'token', suffix: true, common: true, counts: true },
  { kind: 'token', words: 'tokens', common: true, counts: true },
  { kind: 'credential', words: 'credential', suffix: true, common: true },
  { kind: 'credential', words: 'credentials', suffix: true, common: true },
  { kind: 'authorization', words: 'authorization', common: true },
  { kind: 'cookie', words: 'cookie', common: true },
  { kind: 'cookie', words: 'cookies', common: true },
  { kind: 'cookie', words: 'setcookie' },
  { kind: 'cookie', words: 'phpsessid', opaque: true },
  { kind: 'cookie', words: 'jsessionid', opaque: true },
  { kind: 'cookie', words: 'sessionid', opaque: true },
  { kind: 'token', words: 'pat', last: true, opaque: true },
  { kind: 'authorization', words: 'auth', last: true, opaque: true },
  { kind: 'private-key', words: 'hmac key' },
  ...opaqueKeys(
    'app',
    'application',
    'routing',
    'integration',
    'subscription',
    'storage',
    'admin',
    'auth',
    'service',
  ),
  ...opaqueKeys(
    'shared',
    'server',
    'tls',
    'ssh',
    'client',
    'session',
    'license',
    'write',
    'ingest',
    'ingestion',
  ),
  ...opaqueKeys('consumer', 'deploy', 'certificate', 'webhook', 'secure auth', 'logged in', 'nonce', 'data'),
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
  file, format, header, in, issuer, length, limit, mode, path, policy, provider, refs, required, reviewer,
  rotation, seconds, status, ttl, type, uri, url, usage, used, valid
`);

/** Of these, those that say where it lies. */
const ADDRESS_WORDS = wordList(`file, path, uri, url`);

/** The same, but for a parameter in capital letters, which somebody chose: `CA_SECRET_NAME` may hold anything. */
const REFERENCE_WORDS = wordList(`class, name, names, ref, selector, store`);

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

const WORD = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g;
const WORD_OF_ANY_SCRIPT = /\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}\p{Lm}\p{M}]+|\d+/gu;
const OTHER_THAN_ASCII = /[^\x00-\x7f]/;

/** Lower-case words of a name in any case and with any separator: `DBPassword`, `db-password` and `db.password` alike. */
function wordsOf(name: string): readonly string[] {
  const parts = name.slice(0, LONGEST_NAME).match(OTHER_THAN_ASCII.test(name) ? WORD_OF_ANY_SCRIPT : WORD);
  return (parts ?? []).map((part) => part.toLowerCase());
}

/** `extraNames` are secret besides the built-in ones; `exemptNames` are public whatever they contain. */
export function createKeyNames(extraNames: readonly string[], exemptNames: readonly string[]): KeyNames {
  const rules = [...extraNames.map(ruleOf), ...KEY_RULES];
  const publicNames = new Set([...PUBLIC_NAMES, ...exemptNames.map((name) => wordsOf(name).join(' '))]);
  const addressRules = new Map(rules.map((rule) => [rule, { ...rule, address: true }]));
  const mayBeSecret = finderOf(rules, 'i', '[^A-Za-z0-9]*');
  const ruleFor = (name: string, words: readonly string[], whole: string): KeyRule | undefined => {
    const padded = ` ${whole} `;
    const rule = rules.find((candidate) => matches(candidate, words, padded));
    if (rule === undefined || publicNames.has(whole)) return undefined;
    const last = words.at(-1) ?? '';
    if (ADDRESS_WORDS.has(last)) return addressRules.get(rule);
    const isReference = REFERENCE_WORDS.has(last) && /[a-z]/.test(name);
    return REMARK_WORDS.has(last) || isReference ? undefined : rule;
  };
  const judge = remembering((stored) => {
    const name = OTHER_THAN_ASCII.test(stored) ? plainForm(stored.slice(0, LONGEST_NAME)) : stored;
    const words = wordsOf(name);
    const whole = words.join(' ');
    const rule = mayBeSecret.test(name) ? ruleFor(name, words, whole) : undefined;
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

/** `padded`: the words with a space before, between and after them. */
function matches(rule: KeyRule, words: readonly string[], padded: string): boolean {
  // Nearly always: what stands nowhere in the name is no word of it, and no end of one.
  if (!padded.includes(rule.words)) return false;
  if (rule.last === true) return padded.endsWith(rule.suffix === true ? `${rule.words} ` : ` ${rule.words} `);
  if (padded.includes(` ${rule.words} `)) return true;
  return rule.suffix === true && words.some((word) => word.endsWith(rule.words));
}

function finderOf(rules: readonly KeyRule[], flags: string, betweenWords: string): RegExp {
  const sources = new Set(rules.map((rule) => rule.words.split(' ').join(betweenWords)));
  const all = [...sources];
  // A longer source that holds a shorter one finds nothing that the shorter one does not.
  return new RegExp(
    all.filter((source) => !all.some((other) => other !== source && source.includes(other))).join('|'),
    flags,
  );
}

/** Names made by strangers must not fill the memory: of twice as many, those that came last are known. */
const MOST_REMEMBERED = 2_500;

/**
 * The same few names come again with every record; what they mean never changes. Once there are too many, only those that are
 * still asked for stay: whoever sends thousands of names slows down no other record for longer than that.
 */
function remembering(judge: (name: string) => NameJudgement): (name: string) => NameJudgement {
  let recent = new Map<string, NameJudgement>();
  let older = new Map<string, NameJudgement>();
  return (name) => {
    const known = recent.get(name);
    if (known !== undefined) return known;
    const judgement = older.get(name) ?? judge(name);
    if (name.length > LONGEST_NAME) return judgement;
    if (recent.size >= MOST_REMEMBERED) {
      older = recent;
      recent = new Map();
    }
    recent.set(name, judgement);
    return judgement;
  };
}
