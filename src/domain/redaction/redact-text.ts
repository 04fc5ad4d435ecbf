import { decodeBase64, replaceEncoded } from './base64.ts';
import type { Spend } from './budget.ts';
import { COST } from './budget.ts';
import { replaceJsonWebTokens } from './json-web-token.ts';
import type { KeyNames } from './key-names.ts';
import type { Replace } from './key-values.ts';
import { replaceKeyValues } from './key-values.ts';
import { replaceSecretsInJsonText, replaceSecretsInYaml } from './kubernetes-secret.ts';
import { replacePem } from './pem.ts';
import type { FormCondition, FormRule } from './rules.ts';
import { FORM_RULES, HEADER_RULES, PERSONAL_RULES, URL_RULES } from './rules.ts';
import { looksSecret } from './secret-values.ts';

export interface TextRules {
  readonly names: KeyNames;
  /** Forms that the configuration adds. */
  readonly extraForms: FormGroups;
  readonly personal: boolean;
}

/** What is known about the place that a text stands in. */
export interface TextPlace {
  /** The text names who acted: personal rules pass it by. */
  readonly identity?: boolean;
  /** The text is a digest or the identity of a thing, and may look random. */
  readonly fingerprint?: boolean;
}

/** Rules with the same flags, and one expression that tells at once whether any of them can match. */
type FormGroups = readonly { readonly any: RegExp; readonly forms: readonly FormRule[] }[];

export function groupForms(forms: readonly FormRule[]): FormGroups {
  const byFlags = Map.groupBy(forms, ({ pattern }) => pattern.flags.replace('g', ''));
  return [...byFlags].map(([flags, group]) => ({
    any: new RegExp(group.map(({ pattern }) => `(?:${pattern.source})`).join('|'), flags),
    forms: group,
  }));
}

const HEADERS = groupForms(HEADER_RULES);
const URLS = groupForms(URL_RULES);
const FORMS = groupForms(FORM_RULES);
const PERSONAL = groupForms(PERSONAL_RULES);

/** Below this length nothing is a secret that its form could tell. */
const SHORTEST = 6;

/** Every header and every URL has one of these; most names and phases have none. */
const MAY_HOLD_PAIRS = /[:='"]/;

/** What takes the place of secrets, and what it costs to find them. */
export interface Replacing {
  readonly replace: Replace;
  readonly spend: Spend;
}

/** Where rules for URLs and commands read ahead; most of what they find there is no secret. */
const READS_AHEAD = /:\/\/|curl/gi;

/** One pass of all rules over text, the most telling first. */
export function redactOnce(
  text: string,
  rules: TextRules,
  place: TextPlace,
  { replace, spend }: Replacing,
): string {
  spend(COST.text + text.length * COST.character);
  if (text.length < SHORTEST) return text;
  const as = (kind: string) => (secret: string) => replace(kind, secret);
  let result = replacePem(text, as('pem'), spend);
  result = replaceSecretsInYaml(result, as('kubernetes-secret'), spend);
  result = replaceSecretsInJsonText(result, as('kubernetes-secret'), spend);
  if (MAY_HOLD_PAIRS.test(result)) {
    result = replaceForms(result, HEADERS, { replace, spend });
    for (const { length } of result.matchAll(READS_AHEAD)) spend(length * COST.start);
    result = replaceForms(result, URLS, { replace, spend });
  }
  result = replaceJsonWebTokens(result, as('jwt'), spend);
  result = replaceForms(result, FORMS, { replace, spend });
  result = replaceForms(result, rules.extraForms, { replace, spend });
  result = replaceKeyValues(result, rules.names, replace, spend);
  if (place.fingerprint !== true) result = replaceEncoded(result, as('base64'));
  if (rules.personal && place.identity !== true) result = replaceForms(result, PERSONAL, { replace, spend });
  return result;
}

function replaceForms(text: string, groups: FormGroups, replacing: Replacing): string {
  return groups.reduce(
    (result, { any, forms }) =>
      any.test(result) ? forms.reduce((soFar, form) => replaceForm(soFar, form, replacing), result) : result,
    text,
  );
}

function replaceForm(
  text: string,
  { kind, pattern, keep, condition }: FormRule,
  { replace, spend }: Replacing,
): string {
  return text.replace(pattern, (found: string, kept: unknown) => {
    const before = keep === 1 && typeof kept === 'string' ? kept : '';
    const secret = found.slice(before.length);
    // Whatever the condition says of it.
    if (condition !== undefined) spend(COST.replaced + secret.length * COST.decoded);
    return condition !== undefined && !CONDITIONS[condition](secret) ? found : before + replace(kind, secret);
  });
}

const CONDITIONS: Readonly<Record<FormCondition, (text: string) => boolean>> = {
  // `sk-` begins names of things too: sk-learn-inference-server.
  random: (text) => /[A-Za-z0-9]{20}/.test(text) || (/[A-Z]/.test(text) && /\d/.test(text)),
  opaque: looksSecret,
  // "Basic authentication" is two words; credentials decode to user, colon, password.
  'encoded-credentials': (text) => /^[\x20-\x7e]*:[\x20-\x7e]*$/.test(decodeBase64(text) ?? ''),
};
