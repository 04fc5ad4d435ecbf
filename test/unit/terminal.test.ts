import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type TableColumn, tableText } from '../../src/terminal/table.ts';
import { cutEnd, cutMiddle, safeText, widthOf, wrapped } from '../../src/terminal/text.ts';
import { PLAIN_VIEW, timeText, type View } from '../../src/terminal/view.ts';

const at = (width: number, more: Partial<View> = {}): View => ({ ...PLAIN_VIEW, width, ...more });

/** Clears a screen, colours, rings, goes back, hides, reverses, and titles a window, in the forms of two generations of terminals. */
const HOSTILE = [
  '\u001b[2J\u001b[31mred\u001b[0m',
  '\u009b2Jnine',
  'back\b\b\bspace\rreturn',
  'bell\u0007 and \u0000nul',
  '\u202etxet desrever\u202c',
  'left\u200fright\u2067isolated\u2069',
  '\u001b]0;title\u0007',
  'zero\u200bwidth\ufeff',
  'tag\u{e0041}\u{e0042}',
  'line\u2028feed\nand\ttab',
  'lone \ud800 half',
];

/** What no safe text has: what a terminal obeys, reverses or hides. */
const OBEYED =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\ud800-\udfff]/u;

describe('a text', () => {
  test.each(HOSTILE)('%j moves no cursor, sets no colour, and stays on its line', (text) => {
    expect(safeText(text)).not.toMatch(OBEYED);
  });

  test('of any characters is safe, and is cut to any width', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, width) => {
        const safe = safeText(text);
        expect(safe).not.toMatch(OBEYED);
        expect(widthOf(cutEnd(safe, width))).toBeLessThanOrEqual(width);
        expect(widthOf(cutMiddle(safe, width))).toBeLessThanOrEqual(width);
        for (const line of wrapped(safe, width + 2)) expect(widthOf(line)).toBeLessThanOrEqual(width + 2);
      }),
      { seed: 64, numRuns: 500 },
    );
  });

  test.each([
    ['payments', 8],
    ['支払い', 6],
    ['결제', 4],
    ['ｆｕｌｌ', 8],
    ['e\u0301clair', 6],
    ['🚀', 2],
    ['👩‍👩‍👧‍👦', 2],
    ['🇨🇭', 2],
    ['⚠️', 2],
    ['1️⃣', 2],
    ['…', 1],
    ['', 0],
  ])('%s is as wide as a terminal shows it', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  test('is cut between characters, and never within one', () => {
    expect(cutEnd('支払い', 4)).toBe('支…');
    expect(cutEnd('支払い', 5)).toBe('支払…');
    expect(cutEnd('a👩‍👩‍👧‍👦b', 2)).toBe('a…');
    expect(cutMiddle('checkout/Deployment/cart', 11)).toBe('check…/cart');
    expect(cutMiddle('short', 5)).toBe('short');
  });

  test('of 100,000 characters costs no more than what is shown of it', () => {
    const long = '支'.repeat(100_000);
    expect(cutEnd(long, 20)).toBe(`${'支'.repeat(9)}…`);
    expect(cutMiddle(long, 20)).toBe(`${'支'.repeat(5)}…${'支'.repeat(4)}`);
  });
});

describe('a time', () => {
  const NOW = Date.parse('2026-09-03T10:00:00Z');
  test.each([
    ['2026-09-03T09:59:18.000000Z', '42s ago'],
    ['2026-09-03T09:52:48.000000Z', '7m12s ago'],
    ['2026-09-03T07:55:00.000000Z', '2h5m ago'],
    ['2026-08-30T06:00:00.000000Z', '4d4h ago'],
    ['2026-09-03T10:01:00.000000Z', 'in 1m0s'],
  ])('%s is so long ago: %s', (instant, text) => {
    expect(timeText(instant, { ...PLAIN_VIEW, isExact: false, nowMs: NOW })).toBe(text);
    expect(timeText(instant, PLAIN_VIEW)).toBe(`${instant.slice(0, 19)}Z`);
  });
});

describe('a table', () => {
  const COLUMNS: readonly TableColumn[] = [
    { title: 'AGE', align: 'right' },
    { title: 'NAME' },
    { title: 'TARGET', cut: 'middle' },
    { title: 'SIGNAL', cut: 'middle', goes: 1 },
    { title: 'PHASE', hasColour: true },
    { title: 'DETAIL', cut: 'end' },
  ];
  const ROWS = [
    ['2m', 'rr-1', 'payments/Deployment/api', 'KubeContainerOOMKilled', 'Completed', 'Remediated'],
    [
      '1h5m',
      'rr-22',
      '支払い/Deployment/決済サービス',
      null,
      'Failed',
      'killed \u001b[31mby\u001b[0m 🚀 the\nkernel',
    ],
  ];
  const table = (view: View): string => tableText(COLUMNS, ROWS, view);

  test('of a pipe has all of every value', () => {
    expect(table(PLAIN_VIEW)).toBe(
      [
        ' AGE  NAME   TARGET                          SIGNAL                  PHASE      DETAIL',
        '  2m  rr-1   payments/Deployment/api         KubeContainerOOMKilled  Completed  Remediated',
        '1h5m  rr-22  支払い/Deployment/決済サービス  –                       Failed     killed �[31mby�[0m 🚀 the kernel',
        '',
      ].join('\n'),
    );
  });

  test('of 80 columns cuts the widest values', () => {
    expect(table(at(80))).toBe(
      [
        ' AGE  NAME   TARGET             SIGNAL             PHASE      DETAIL',
        '  2m  rr-1   payments…ment/api  KubeCont…OMKilled  Completed  Remediated',
        '1h5m  rr-22  支払い/D…サービス  –                  Failed     killed �[31mby�[0…',
        '',
      ].join('\n'),
    );
  });

  test('of 50 columns does without what matters least', () => {
    expect(table(at(50))).not.toContain('SIGNAL');
    expect(table(at(50))).toContain('rr-22');
  });

  test.each([200, 120, 100, 80, 60, 50, 40, 20, 7, 1])('of %i columns is no wider', (width) => {
    for (const line of table(at(width)).split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(width);
  });

  test('has colours by what words mean, and only where they are wanted', () => {
    expect(table(at(120))).not.toContain('\u001b');
    const coloured = table(at(120, { isColoured: true }));
    expect(coloured).toContain('\u001b[32mCompleted\u001b[0m');
    expect(coloured).toContain('\u001b[31mFailed\u001b[0m   ');
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(table(at(120)));
  });
});
