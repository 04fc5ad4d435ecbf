import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  findTooDeep,
  findUnstorableNumber,
  isNestedBeyond,
  JsonTooDeepError,
  parseBoundedJson,
  utf8Length,
} from '../../src/domain/bounds.ts';
import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { canonicalJson, isJsonObject, parseJson } from '../../src/domain/json.ts';
import { MAX_BODY_DEPTH, MAX_JSON_DEPTH } from '../../src/domain/limits.ts';
import { defineRecord } from '../../src/domain/records/definition.ts';
import { repairColumns, repairJson, repairMembers, repairText } from '../../src/domain/repair.ts';

const definition = defineRecord({
  table: 'repaired',
  kind: 'repaired',
  meaning: 'Text and JSON.',
  columns: [
    { name: 'output', type: 'text', meaning: 'Text' },
    { name: 'success', type: 'boolean', meaning: 'Neither' },
    { name: 'parameters', type: 'jsonb', meaning: 'JSON' },
  ],
});

/** Text of any UTF-16 units: lone surrogates, NUL, whatever. */
const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0x41, 0xd800, 0xdc00, 0xfffd)), {
    maxLength: 12,
  })
  .map((units) => String.fromCharCode(...units));
const { anyJson } = fc.letrec<{ anyJson: JsonValue }>((tie) => ({
  anyJson: fc.oneof(
    { maxDepth: 3 },
    anyText,
    fc.constantFrom<JsonValue>(null, true, 1.5, parseJson('9007199254740993')),
    fc.array(tie('anyJson'), { maxLength: 4 }),
    fc
      .array(fc.tuple(anyText, tie('anyJson')), { maxLength: 4 })
      .map((members): JsonObject => Object.fromEntries(members)),
  ),
}));

function everyText(value: JsonValue): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(everyText);
  return isJsonObject(value)
    ? Object.entries(value).flatMap(([key, member]) => [key, ...everyText(member)])
    : [];
}

describe('repair', () => {
  test('puts U+FFFD in the place of NUL and of each lone surrogate, and changes nothing else', () => {
    expect(repairText('a\0b\ud800c\udc00d')).toBe('a\ufffdb\ufffdc\ufffdd');
    expect(repairText('tab\tbell\u0007 \u{1f600} \uffff')).toBe('tab\tbell\u0007 \u{1f600} \uffff');
  });

  test('leaves no NUL and no lone surrogate anywhere in a JSON value, and loses no member', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const repaired = repairJson(value);
        for (const text of everyText(repaired))
          expect(text.isWellFormed() && !text.includes('\0')).toBe(true);
        expect(everyText(repaired)).toHaveLength(everyText(value).length);
        expect(repairJson(repaired)).toBe(repaired);
      }),
      { numRuns: 1_000 },
    );
  });

  test('gives back the very same value when there is nothing to repair', () => {
    const value = parseJson('{"a":["b",{"c":1.10}],"d":null}');
    expect(repairJson(value)).toBe(value);
  });

  test('names the fields of a record that it changed, by their names after it', () => {
    const { value, repairedFields } = repairMembers({
      output: 'done\0',
      'na\ud800me': 'x',
      parameters: { list: [{ 'k\0': 'v' }] },
      success: true,
    });
    expect(repairedFields).toEqual(['output', 'na\ufffdme', 'parameters']);
    expect(value).toEqual({
      output: 'done\ufffd',
      'na\ufffdme': 'x',
      parameters: { list: [{ 'k\ufffd': 'v' }] },
      success: true,
    });
  });

  test('keeps both values of two keys that differ in broken characters only', () => {
    expect(repairJson({ '\0': 1, '\ud800': 2, '\ufffd': 3 })).toEqual({
      '\ufffd\ufffd': 1,
      '\ufffd\ufffd\ufffd': 2,
      '\ufffd': 3,
    });
  });

  test('keeps a member called __proto__ a member', () => {
    const repaired = repairJson(parseJson('{"__proto__":{"a":"\\u0000"}}'));
    expect(canonicalJson(repaired)).toBe('{"__proto__":{"a":"\ufffd"}}');
  });

  test('reads through the JSON text of a column, where both are escaped', () => {
    const { value, repairedFields } = repairColumns(definition, {
      output: 'fine',
      success: false,
      parameters: '{"a":"x\\u0000","b":"\\ud83d\\ude00","c":1.10,"\\udfff":9007199254740993}',
    });
    expect(repairedFields).toEqual(['parameters']);
    expect(value).toEqual({
      output: 'fine',
      success: false,
      parameters: '{"a":"x\ufffd","b":"\u{1f600}","c":1.10,"\ufffd":9007199254740993}',
    });
  });

  test('takes an escaped backslash before u0000 for what it is', () => {
    const columns = { parameters: '{"path":"C:\\\\u0000"}' };
    expect(repairColumns(definition, columns)).toEqual({ value: columns, repairedFields: [] });
  });
});

const nested = (levels: number, open = '[', close = ']'): string =>
  open.repeat(levels) + close.repeat(levels);

describe('the depth of JSON', () => {
  test('is found with a pointer to the value that is one level too deep', () => {
    const value = parseJson(`{"a":1,"b/c":[0,{"d":${nested(MAX_JSON_DEPTH - 2)}}]}`);
    const pointer = findTooDeep(value, MAX_JSON_DEPTH);
    expect(pointer).toBe(`/b~1c/1/d${'/0'.repeat(MAX_JSON_DEPTH - 3)}`);
    expect(findTooDeep(parseJson(`{"a":${nested(MAX_JSON_DEPTH - 1)}}`), MAX_JSON_DEPTH)).toBeUndefined();
  });

  test('is limited before a body is parsed, so that no nesting exhausts the stack', () => {
    expect(() => parseBoundedJson(nested(2_000_000))).toThrow(JsonTooDeepError);
    expect(() => parseBoundedJson(`{"n":1.10,"a":${'{"a":'.repeat(100_000)}`)).toThrow(
      `JSON is nested deeper than ${MAX_BODY_DEPTH} levels`,
    );
    expect(canonicalJson(parseBoundedJson(`[1.10,${nested(MAX_BODY_DEPTH - 1)}]`))).toContain('1.10');
  });

  test('counts no brackets inside strings, whatever they escape', () => {
    expect(isNestedBeyond(JSON.stringify(['[[[[', '\\"[[', '\\\\', ']']), 1)).toBe(false);
    expect(isNestedBeyond('["\\\\",[]]', 1)).toBe(true);
    expect(isNestedBeyond('["unended [[[[', 1)).toBe(false);
  });

  test('in text and in the value agree', () => {
    fc.assert(
      fc.property(anyJson, fc.integer({ min: 0, max: 4 }), (value, limit) => {
        expect(isNestedBeyond(JSON.stringify(value), limit)).toBe(findTooDeep(value, limit) !== undefined);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the size of JSON', () => {
  test('is counted in bytes of UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8Length(text)).toBe(Buffer.byteLength(text.toWellFormed()));
      }),
    );
  });

  test('includes that of numbers: one that would fill pages in the database is found', () => {
    expect(findUnstorableNumber(parseJson('{"a":[1,{"b":1e131071}]}'))).toBe('/a/1/b');
    expect(findUnstorableNumber(parseJson(`[${'9'.repeat(1_001)}]`))).toBe('/0');
    expect(findUnstorableNumber(parseJson('[1e-1001]'))).toBe('/0');
    expect(
      findUnstorableNumber(parseJson(`[1e308,1.7976931348623157e308,${'9'.repeat(1_000)},5e-324]`)),
    ).toBeUndefined();
  });
});
