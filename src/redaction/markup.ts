import { COST } from './budget.ts';
import type { KeyNames, KeyRule } from './key-names.ts';
import type { Replace } from './rule.ts';
import { isRemark, isValueOf } from './values.ts';

// Elements and attributes of XML whose name says that they are secret: settings of Maven, of .NET and of Spring.

/** `<password type="x">`, with the attributes as the second group. */
const ELEMENT = /<([A-Za-z_][\w.-]{0,63}(?::[A-Za-z_][\w.-]{0,63})?)(\s[^<>]{0,512})?>(?!<\/)/g;
const CDATA = /\s{0,64}<!\[CDATA\[([\s\S]{0,1024}?)\]\]>/dy;
const CONTENT = /\s{0,64}([^\s<](?:[^<]{0,8190}[^\s<])?)\s{0,64}<\//dy;
/** `<entry key="db.password">`, `<property name="password">`. */
const NAMED = /\s(?:name|key)\s{0,8}=\s{0,8}["']([\w.:-]{1,128})["']/;
/** A property list: the name is the content of one element, the value that of the next. */
const NEXT_STRING = /<\/key>\s{0,64}<string>([^<]{1,8192})<\/string>/dy;

/** Replaces what stands between the tags of a secret element. */
export function replaceElements(names: KeyNames): Replace {
  return (text, { find, redact, spend }) => {
    let result = '';
    let done = 0;
    for (const match of text.matchAll(find)) {
      spend(COST.start);
      const value = match.index < done ? undefined : secretOf(text, match, names);
      if (value === undefined) continue;
      spend(value.end - value.start);
      result += text.slice(done, value.start) + redact(text.slice(value.start, value.end), value.rule.kind);
      done = value.end;
    }
    return result + text.slice(done);
  };
}

interface Value {
  readonly rule: KeyRule;
  readonly start: number;
  readonly end: number;
}

function secretOf(text: string, match: RegExpExecArray, names: KeyNames): Value | undefined {
  const [tag, name = '', attributes = ''] = match;
  const start = match.index + tag.length;
  if (name === 'key') return secretOfPair(text, start, names);
  const rule =
    names.secretRule(name.slice(name.indexOf(':') + 1)) ??
    names.secretRule(NAMED.exec(attributes)?.[1] ?? '');
  if (rule === undefined) return undefined;
  return valueAt(CDATA, text, start, rule) ?? valueAt(CONTENT, text, start, rule);
}

const LONGEST_KEY = 128;

function secretOfPair(text: string, start: number, names: KeyNames): Value | undefined {
  const key = text.slice(start, start + LONGEST_KEY).split('<', 1)[0] ?? '';
  const rule = names.secretRule(key);
  return rule && valueAt(NEXT_STRING, text, start + key.length, rule);
}

function valueAt(pattern: RegExp, text: string, index: number, rule: KeyRule): Value | undefined {
  pattern.lastIndex = index;
  const match = pattern.exec(text);
  const [start, end] = match?.indices?.[1] ?? [0, 0];
  const value = text.slice(start, end);
  return isValueOf(rule, value) && !isRemark(value) ? { rule, start, end } : undefined;
}

export const ELEMENTS = ELEMENT;

/** `<add key="ApiKey" value="…"/>` of .NET, `<property name="password" value="…"/>` of Spring. */
export const PAIR_ATTRIBUTES =
  /(\s(?:name|key)=["'])([\w.:-]{1,128})(["']\s{1,64}value=["'])([^"'<>]{1,4096})/g;

export function replacePairAttributes(names: KeyNames): Replace {
  return (text, { find, redact, spend }) =>
    text.replace(find, (match, ...groups: string[]) => {
      const [before = '', name = '', between = '', value = ''] = groups;
      spend(COST.start + match.length);
      const rule = names.secretRule(name);
      if (rule === undefined || !isValueOf(rule, value)) return match;
      return before + name + between + redact(value, rule.kind);
    });
}
