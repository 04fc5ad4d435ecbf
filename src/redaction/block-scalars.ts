import { COST } from './budget.ts';
import type { KeyNames, KeyRule } from './key-names.ts';
import type { Replace } from './rule.ts';
import { isRemark, isValueOf } from './values.ts';

// Secrets in YAML that stand below their name, `password: |` and the lines that are indented further.

/** The name, and the sign of a block scalar if it has one. */
const HEAD =
  /^((?:[ \t]|- ){0,200})["']?([\w.-]{1,128})["']?[ \t]{0,8}:[ \t]{0,8}(?:!!?\w{1,32}[ \t]{1,8})?([|>][+\-\d]{0,2})?[ \t]{0,8}(?:#.*)?$/;
/** Finds the end of a line that may be a head, so that most texts are passed by. */
export const BLOCK_HEAD =
  /:[ \t]{0,8}(?:!!?\w{1,32}[ \t]{1,8})?(?:[|>][+\-\d]{0,2})?[ \t]{0,8}(?:#[^\n]{0,200})?\r?\n[ \t\r\n]/;
/** A line that begins a map or a list, and no text. */
const STRUCTURE = /^\s*(?:- |["']?[\w./-]{1,128}["']?[ \t]*:(?:\s|$)|[{[#&*])/;

/** Replaces the text of a block below the name of a secret by one placeholder. */
export function replaceBlockScalars(names: KeyNames): Replace {
  return (text, { redact, spend }) => {
    for (let line = text.indexOf('\n'); line >= 0; line = text.indexOf('\n', line + 1)) spend(COST.line);
    const lines = text.split('\n');
    const result: string[] = [];
    for (let index = 0; index < lines.length; index += 1) {
      const line = lines[index] ?? '';
      result.push(line);
      const rule = ruleOfHead(line, names);
      const end = rule === undefined ? index + 1 : endOfBlock(lines, index, isScalar(line));
      spend(COST.line * (end - index));
      const block = lines.slice(index + 1, end);
      const value = rule && textOf(block, isScalar(line));
      if (rule === undefined || value === undefined || !isValueOf(rule, value) || isRemark(value)) continue;
      spend(value.length);
      // One text and not its lines: a block has more of them than a call takes arguments.
      result.push(block.join('\n').replace(value, () => redact(value, rule.kind)));
      index = end - 1;
    }
    return result.join('\n');
  };
}

function ruleOfHead(line: string, names: KeyNames): KeyRule | undefined {
  const colon = line.indexOf(':');
  return colon < 0 ? undefined : names.secretRule(HEAD.exec(line.trimEnd())?.[2] ?? '');
}

function isScalar(line: string): boolean {
  return HEAD.exec(line.trimEnd())?.[3] !== undefined;
}

/** Index behind the last line that is indented further than the one at `index`, without blank lines at its end. */
function endOfBlock(lines: readonly string[], index: number, isBlockScalar: boolean): number {
  const indent = indentOf(lines[index] ?? '');
  let end = index + 1;
  for (let next = end; next < lines.length; next += 1) {
    const line = lines[next] ?? '';
    if (line.trim() === '') continue;
    if (indentOf(line) <= indent) break;
    end = next + 1;
    // More than one line without a sign is no text.
    if (!isBlockScalar && end > index + 2) break;
  }
  return end;
}

/** Without a sign, a single line that is neither a map nor a list. */
function textOf(block: readonly string[], isBlockScalar: boolean): string | undefined {
  const text = block.join('\n').trim();
  return isBlockScalar || (block.length === 1 && !STRUCTURE.test(text)) ? text : undefined;
}

function indentOf(line: string): number {
  return /^(?:[ \t]|- )*/.exec(line)?.[0].length ?? 0;
}
