import { decodeBase64 } from './encoded.ts';
import { wordList } from './key-names.ts';

/** Placeholders, references to values stored elsewhere, and words that say there is none. */
const NO_VALUE =
  /^(?:[*.x•]{3,}|<[a-z _-]+>|\$\{[^}]*\}|\$\([^)]*\)|\$?\{\{.*|%[A-Z0-9_]+%|null|nil|none|true|false|undefined|yes|no|on|off|empty|unset|redacted|hidden|masked|removed|[([]redacted[)\]]?)$/i;
/** Names of variables; letters in both cases with digits between them are a value. */
const VARIABLE = /^\$(?:[A-Z_][A-Z0-9_]*|[a-z_]+|[a-z]+(?:[A-Z][a-z]+)+)$/;
/** A call, or a member of something: `os.environ[`, `getToken(`, `process.env.TOKEN`. */
const CODE =
  /^(?:await|new|this|self|typeof|lambda)$|^(?:[A-Za-z_$][\w$]*\.){0,8}[A-Za-z_$][\w$]*[([]|^(?:process\.env|os\.environ|ENV|env)\b./;

/** Words that follow `password:` in a sentence about a password. */
const REMARKS = wordList(`
  accepted, authentication, cannot, changed, denied, does, error, expected, expired, failed, failure,
  forbidden, got, has, incorrect, invalid, is, mismatch, missing, must, not, ok, rejected, required,
  reset, rotated, should, too, unable, unauthorized, unexpected, unknown, unavailable, updated, valid,
  verified, was, wrong, optional, string, str, the, a, an, no, password, token, secret, credentials, key
`);

/** Where files are mounted. Any other path may be a value that begins with a slash. */
const FILE =
  /^\/(?:app|bitnami|certs?|config|data|dev|etc|home|keys?|mnt|opt|private|proc|root|run|secrets?|srv|tls|tmp|usr|Users|var|vault|workspace)\/[\w./-]*$/;
const PATH = /^\/(?:[a-z0-9_.-]+\/)+[A-Za-z0-9_.-]*$/;

/** Whether text under a secret name is a value at all. */
export function isValue(text: string): boolean {
  return text !== '' && !NO_VALUE.test(text) && !VARIABLE.test(text) && !FILE.test(text);
}

function isPath(text: string): boolean {
  return PATH.test(text) || text.startsWith('//');
}

/** What of a rule for names decides which values count. */
export interface ValueRule {
  readonly opaque?: boolean;
  readonly common?: boolean;
  readonly address?: boolean;
}

/** Whether text under a name of that rule is a value. */
export function isValueOf({ opaque, common, address }: ValueRule, text: string): boolean {
  if (!isValue(text) || (opaque === true && !isOpaque(text))) return false;
  if (address === true && !isInline(text)) return false;
  return common !== true || !isPath(text);
}

const ADDRESS = /[/\\:~]|\.\w{1,5}$/;

/** Whether text under a name such as `secret_file` is the secret itself, and no path, URL, or name of a file. */
function isInline(text: string): boolean {
  return !ADDRESS.test(text) && (isOpaque(text) || isStrongPassword(text));
}

/** Whether a bare value is the beginning of an expression in a program. */
export function isCode(text: string): boolean {
  return CODE.test(text);
}

export function isRemark(text: string): boolean {
  return REMARKS.has(text.toLowerCase());
}

const NAME_OF_AN_OBJECT = /^[a-z0-9]+(?:[-./][a-z0-9]+)+$/;
const WORD = /^(?:[A-Za-z][a-z]*|(?:[A-Z][a-z]+)+|[A-Z]+)$/;
const VERSION = /^v?\d+(?:\.\d+)+/;
/** The bootstrap token of a cluster looks like the name of an object. */
const BOOTSTRAP_TOKEN = /^[a-z0-9]{6}\.[a-z0-9]{16}$/;
const SHORTEST_SECRET = 8;

/** Whether text that stands after a common word, as in `secret: not found`, can only be the secret itself. */
export function looksSecret(text: string): boolean {
  if (text.length < SHORTEST_SECRET || !isValue(text)) return false;
  if (BOOTSTRAP_TOKEN.test(text)) return true;
  if (NAME_OF_AN_OBJECT.test(text) || WORD.test(text) || VERSION.test(text)) return false;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9\-./_]/].filter((kind) => kind.test(text));
  return kinds.length >= 2;
}

/** A key in groups, as licenses are written. */
const GROUPS = /^(?=[A-Z-]{0,64}\d)[A-Z0-9]{4,8}(?:-[A-Z0-9]{4,8}){2,7}$/;

/** Whether only a machine makes such a text: a key, or credentials in base64. */
export function isOpaque(text: string): boolean {
  if (areCredentials(text) || GROUPS.test(text)) return true;
  const [run = ''] = /[A-Za-z0-9+/_=]{16,}/.exec(text) ?? [];
  return /\d/.test(run) && /[A-Za-z]/.test(run) && !isPath(text);
}

export function isUid(text: string): boolean {
  return /^[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}$/i.test(text);
}

/** Also with a password outside ASCII, whose bytes are above. */
const CREDENTIALS = /^(?:[\x20-\x7e]*:[\x20-\x7e]*|[\w.@+-]{1,64}:[\x20-\x7e\x80-\xff]{4,})$/;
const LONGEST_CREDENTIALS = 512;

/** "Basic authentication" is two words; credentials decode to user, colon, password. */
export function areCredentials(text: string): boolean {
  return text.length <= LONGEST_CREDENTIALS && CREDENTIALS.test(decodeBase64(text) ?? '');
}

/** Whether text that stands alone behind the word `password` can only be one. */
export function isStrongPassword(text: string): boolean {
  if (text.length < 6 || !/\d/.test(text) || !isValue(text)) return false;
  return [/[a-z]/, /[A-Z]/, /[^A-Za-z0-9\-./_]/].filter((kind) => kind.test(text)).length >= 2;
}

const PHRASE = /^\p{L}[\p{L}\d'-]{0,31}(?: [\p{L}\d'-]{1,32}){2,11}$/u;
/** Of a sentence about a password, as against words that were drawn by lot. */
const JOINING_WORDS = wordList(`
  allowed, and, as, at, be, been, by, can, characters, enough, for, from, if, in, it, least, letters, long, longer, of, on,
  or, short, shorter, than, that, this, to, weak, with, you, your
`);

/** Whether a text in quotes behind the word `password` may be one of several words; `isCertain` where something else says so. */
export function isPassphrase(text: string, isCertain: boolean): boolean {
  if (!PHRASE.test(text)) return false;
  const words = text.split(' ');
  if (isCertain) return !isRemark(words[0] ?? '');
  return !words.some((word) => isRemark(word) || JOINING_WORDS.has(word.toLowerCase()));
}

const OPENING_QUOTE = /\\{0,8}["'`]/y;

/** What stands between two quotes of the same kind, escaped equally often: text within JSON within JSON. */
export interface Quoted {
  readonly start: number;
  readonly end: number;
  /** Index behind the closing quote. */
  readonly next: number;
}

/** Undefined when no quote stands at `start`, or none ends it within `longest` characters. */
export function readQuoted(text: string, start: number, longest: number): Quoted | undefined {
  OPENING_QUOTE.lastIndex = start;
  const quote = OPENING_QUOTE.exec(text)?.[0];
  if (quote === undefined) return undefined;
  const inner = start + quote.length;
  // Not the whole text: a quote that nothing ends must not be searched for again and again.
  const reach = text.slice(inner, inner + longest);
  for (let end = reach.indexOf(quote); end >= 0; end = reach.indexOf(quote, end + 1)) {
    if (reach.charAt(end - 1) !== '\\')
      return { start: inner, end: inner + end, next: inner + end + quote.length };
  }
  return undefined;
}
