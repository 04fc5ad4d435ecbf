// What counts as secret, as data. A pattern must be linear: bounded repetitions, or anchored at the start of the run of
// characters it reads, because it meets megabytes of text that somebody else wrote.

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

/** Whole names that speak about a secret and hold none: references and kinds of the Kubernetes API. */
export const PUBLIC_NAMES: readonly string[] = [
  'secret name',
  'secret ref',
  'secret key ref',
  'secret type',
  'existing secret',
  'image pull secret',
  'image pull secrets',
  'pull secret',
  'automount service account token',
  'token review',
  'subject token type',
];

/** Last words of a name that make it a remark about a secret: `token_ttl`, `passwordPolicy`, `private-key-file`. */
export const REMARK_WORDS: readonly string[] = [
  ...[
    'age',
    'algorithm',
    'at',
    'audience',
    'budget',
    'count',
    'enabled',
    'endpoint',
    'expiration',
    'expired',
  ],
  ...[
    'expires',
    'expiry',
    'file',
    'format',
    'in',
    'issuer',
    'length',
    'limit',
    'mode',
    'path',
    'policy',
    'provider',
  ],
  ...[
    'refs',
    'required',
    'rotation',
    'seconds',
    'status',
    'ttl',
    'type',
    'uri',
    'url',
    'usage',
    'used',
    'valid',
  ],
];

/** Members that say which secret is meant, below a name that is secret itself: `updateSecret: {name, namespace}`. */
export const REFERENCE_MEMBERS: readonly string[] = [
  ...['apiVersion', 'kind', 'name', 'namespace', 'uid', 'type', 'optional', 'user', 'username'],
];

/** Names whose values are digests and identities of things: long and random-looking, yet what an audit is about. */
export const FINGERPRINT_WORDS: readonly string[] = [
  ...[
    'fingerprint',
    'digest',
    'checksum',
    'hash',
    'sha1',
    'sha256',
    'sha512',
    'uid',
    'uuid',
    'etag',
    'integrity',
  ],
  ...['trace', 'traceparent', 'span', 'image', 'bundle'],
];

/** Names of people and accounts that acted. Who acted is the audit, so the personal rules pass them by. */
export const IDENTITY_NAMES: readonly string[] = [
  ...[
    'decided by',
    'last modified by',
    'acting user',
    'groups',
    'cleared by',
    'user identity',
    'approved by',
  ],
  ...['requested by', 'rejected by', 'created by', 'actor', 'username', 'approval decided by'],
];

/** A token that is told by its form alone. */
export interface FormRule {
  readonly kind: string;
  readonly pattern: RegExp;
  /** Keeps what this group matched and replaces the rest. Default: nothing is kept. */
  readonly keep?: 1;
  /** A further condition on the text that would be replaced. */
  readonly condition?: FormCondition;
}

export type FormCondition = 'random' | 'encoded-credentials' | 'opaque';

/** Begins where no longer word of the same letters does. */
const START = '(?<![A-Za-z0-9_-])';
const form = (kind: string, source: string, condition?: FormCondition): FormRule => ({
  kind,
  pattern: new RegExp(`${START}${source}`, 'g'),
  ...(condition && { condition }),
});

export const FORM_RULES: readonly FormRule[] = [
  form('github-token', String.raw`gh[opsur]_[A-Za-z0-9_]{20,255}`),
  form('github-token', String.raw`github_pat_[A-Za-z0-9_]{20,255}`),
  form('gitlab-token', String.raw`gl(?:pat|dt|rt|soat|ptt|cbt|ft)-[A-Za-z0-9_.-]{20,255}`),
  form('slack-token', String.raw`xox[abceoprs]-[A-Za-z0-9-]{10,255}`),
  form('slack-token', String.raw`xapp-\d-[A-Za-z0-9-]{10,255}`),
  {
    kind: 'slack-token',
    pattern: /(hooks\.slack\.com\/(?:services|workflows|triggers)\/)[A-Za-z0-9/_-]{8,255}/g,
    keep: 1,
  },
  form('api-key', String.raw`[rs]k_(?:live|test)_[A-Za-z0-9]{10,255}`),
  form('api-key', String.raw`sk-[A-Za-z0-9_-]{20,255}`, 'random'),
  form('api-key', String.raw`AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])`),
  form('api-key', String.raw`GOCSPX-[A-Za-z0-9_-]{20,255}`),
  form('api-key', String.raw`npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])`),
  form('api-key', String.raw`pypi-AgE[A-Za-z0-9_-]{50,500}`),
  form('api-key', String.raw`dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,255}`),
  form('api-key', String.raw`hf_[A-Za-z]{30,255}`),
  form('api-key', String.raw`SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}`),
  form('api-key', String.raw`gl(?:sa|c)_[A-Za-z0-9+/=_]{32,500}`),
  form('api-key', String.raw`do[opr]_v1_[a-f0-9]{64}`),
  form('api-key', String.raw`dapi[a-f0-9]{32}(?![A-Za-z0-9])`),
  form('api-key', String.raw`tskey-[a-z]{3,10}-[A-Za-z0-9-]{16,255}`),
  form('api-key', String.raw`AGE-SECRET-KEY-1[A-Z0-9]{50,64}`),
  form('token', String.raw`hv[bsr]\.[A-Za-z0-9_-]{20,500}`),
  form('token', String.raw`ya29\.[A-Za-z0-9_-]{20,2000}`),
  form('aws-access-key', String.raw`A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?![A-Za-z0-9])`),
  form('aws-session-token', String.raw`(?:IQoJb3|FwoGZX|FQoGZX|FwoDYX|FQoDYX)[A-Za-z0-9+/]{60,5000}={0,2}`),
  {
    kind: 'bearer',
    pattern: /\b(bearer[ \t]{1,4})[A-Za-z0-9._~+/-]{8,5000}={0,2}/gi,
    keep: 1,
    condition: 'opaque',
  },
  {
    kind: 'basic-auth',
    pattern: /\b(basic[ \t]{1,4})[A-Za-z0-9+/_-]{6,5000}={0,2}/gi,
    keep: 1,
    condition: 'encoded-credentials',
  },
];

const AUTHORIZATION = String.raw`\b((?:proxy-)?authorization["']?[ \t]{0,4}[:=][ \t]{0,4}["']?`;

/** Headers whose whole value is secret. A cookie is told from prose by its first `name=value`. */
export const HEADER_RULES: readonly FormRule[] = [
  {
    kind: 'cookie',
    pattern:
      /\b((?:set-)?cookie["']?[ \t]{0,4}:[ \t]{0,4}["']?)[\w!#$%&'*+.^`|~-]{1,128}=[^\r\n"'\\]{1,8192}/gi,
    keep: 1,
  },
  {
    kind: 'authorization',
    pattern: new RegExp(
      `${AUTHORIZATION}(?:bearer|basic|negotiate|ntlm)[ \\t]{1,4})[^\\s"'\\\\,;]{1,8192}`,
      'gi',
    ),
    keep: 1,
  },
  {
    kind: 'authorization',
    pattern: new RegExp(`${AUTHORIZATION}(?:token|apikey)[ \\t]{1,4})[^\\s"'\\\\,;]{1,8192}`, 'gi'),
    keep: 1,
    condition: 'opaque',
  },
  {
    kind: 'authorization',
    pattern: new RegExp(
      `${AUTHORIZATION}(?:digest|hawk|aws4-hmac-sha256)[ \\t]{1,4})[^\\r\\n'\\\\]{1,8192}`,
      'gi',
    ),
    keep: 1,
  },
];

/** Services whose URLs carry a user and a password, where the password may hold a slash. */
const SERVICES =
  'postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|sqlserver|clickhouse|nats|ldaps?|smtps?';

export const URL_RULES: readonly FormRule[] = [
  {
    kind: 'url-password',
    pattern: /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{1,30}:\/\/[^\s/:@"'<>[]{0,128}:)[^\s/"'<>]{1,256}(?=@)/gi,
    keep: 1,
  },
  {
    kind: 'url-password',
    // A port and a path are no password: `postgres://db:5432/app?owner=a@b`.
    pattern: new RegExp(
      String.raw`\b((?:${SERVICES})(?:\+[a-z0-9]{1,20})?:\/\/[^\s/:@"'<>[]{0,128}:)(?!\d{1,5}[/?#])[^\s"'<>@]{1,256}(?=@)`,
      'gi',
    ),
    keep: 1,
  },
  {
    kind: 'url-password',
    // The form of Go's MySQL driver, `user:password@tcp(host:3306)/db`.
    pattern: /(?<![\w.[-])([\w.-]{1,64}:)[^\s@:/"']{1,256}(?=@(?:tcp|unix)\()/g,
    keep: 1,
  },
  {
    kind: 'url-password',
    pattern: /(jdbc:oracle:thin:\w{1,64}\/)[^\s@"']{1,256}(?=@)/gi,
    keep: 1,
  },
  {
    kind: 'url-signature',
    pattern:
      /([?&](?:sig|signature|x-amz-signature|x-amz-security-token|x-amz-credential|x-goog-signature|x-goog-credential)=)[^\s&"'<>#]{4,4096}/gi,
    keep: 1,
  },
  {
    kind: 'password',
    pattern: /(\bcurl\b[^\r\n|;]{0,200}?\s(?:-u|--user)[ =]{0,2}["']?[^\s:"']{1,64}:)[^\s"']{1,256}/gi,
    keep: 1,
  },
  { kind: 'password', pattern: /(\bidentified by ['"])[^'"\r\n]{1,256}/gi, keep: 1 },
];

/** Off by default; see `personal` in the options. */
export const PERSONAL_RULES: readonly FormRule[] = [
  {
    kind: 'email',
    pattern:
      /(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])/g,
  },
  {
    kind: 'ipv4',
    // 0.0.0.0 and 127.0.0.1 name no one; a fifth number, or a letter before it, makes it a version.
    pattern:
      /(?<![\w.-])(?!0\.0\.0\.0|127\.)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w-]|\.\d)/g,
  },
  {
    kind: 'phone',
    pattern: /(?<![\w+.-])(?:\+\d{1,3}[ .-]?)(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){2,4}(?![\w-])/g,
  },
  { kind: 'phone', pattern: /(?<![\w(+.-])\(\d{3}\) ?\d{3}-\d{4}(?![\w-])/g },
];
