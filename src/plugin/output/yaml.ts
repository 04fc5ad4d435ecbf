import type { JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';

/*
 * JSON as YAML. A text that could be read as something else, or that has more than letters, digits and a few signs, is
 * written as in JSON, which is YAML too; so is a number, digit for digit.
 */
const PLAIN = /^[A-Za-z][\w./-]*(?: [\w./-]+)*$/;
/** Words that one YAML or another takes for a boolean, for nothing, or for a number. */
const OTHER = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf)$/i;

export function yamlText(value: JsonValue | Record<string, JsonValue>): string {
  return `${linesOf(value, '').join('\n')}\n`;
}

function linesOf(value: JsonValue, indent: string): string[] {
  if (Array.isArray(value) && value.length > 0) return value.flatMap((item) => itemLines(item, indent));
  const members = membersOf(value);
  if (members.length === 0) return [`${indent}${scalar(value)}`];
  return members.flatMap(([name, member]) => {
    const key = `${indent}${scalar(name)}:`;
    return isNested(member) ? [key, ...linesOf(member, `${indent}  `)] : [`${key} ${scalar(member)}`];
  });
}

/** The first line of an item stands behind its hyphen. */
function itemLines(item: JsonValue, indent: string): string[] {
  if (!isNested(item)) return [`${indent}- ${scalar(item)}`];
  const [first = '', ...rest] = linesOf(item, `${indent}  `);
  return [`${indent}- ${first.trimStart()}`, ...rest];
}

function isNested(value: JsonValue): boolean {
  return Array.isArray(value) ? value.length > 0 : membersOf(value).length > 0;
}

/** A number that is kept as text is an object in memory, and none here. */
function membersOf(value: JsonValue): [string, JsonValue][] {
  return isJsonObject(value) ? Object.entries(value) : [];
}

function scalar(value: JsonValue): string {
  if (typeof value === 'string' && PLAIN.test(value) && !OTHER.test(value)) return value;
  return JSON.stringify(value);
}
