import type { Finding } from '../doctor/check.ts';
import { padEnd, safeText, widthOf, wrapped } from '../terminal/text.ts';
import { type Colour, painted, type View } from '../terminal/view.ts';

const COLOURS: Readonly<Record<Finding['state'], Colour>> = {
  ok: 'green',
  wrong: 'red',
  'not checked': 'yellow',
  'not configured': 'dim',
};

const GAP = 2;
/** Narrower than this a sentence has its own lines below the name of the check. */
const LEAST_WIDTH = 30;

/**
 * One line per check: state, name, and what was found and is to be done. On a terminal the sentence is broken between words, because
 * its end is the remedy; in a pipe it is one line.
 */
export function findingsText(findings: readonly Finding[], view: View): string {
  const widest = (texts: readonly string[]): number => Math.max(0, ...texts.map(widthOf));
  const states = widest(findings.map(({ state }) => state));
  const names = widest(findings.map(({ check }) => safeText(check)));
  const indent = states + names + 2 * GAP;
  const isBelow = view.width !== undefined && view.width - indent < LEAST_WIDTH;
  return findings
    .map(({ check, state, found, remedy }) => {
      const sentence = safeText(remedy === undefined ? found : `${found}; ${remedy}`);
      const head = `${painted(state, COLOURS[state], view)}${' '.repeat(states - widthOf(state) + GAP)}`;
      if (isBelow) {
        const [name = '', ...more] = linesOf(safeText(check), states + GAP, view);
        return `${head}${name}\n${indented(more, states + GAP)}${indented(linesOf(sentence, GAP, view), GAP)}`;
      }
      const [first = '', ...rest] = linesOf(sentence, indent, view);
      return `${head}${padEnd(safeText(check), names + GAP)}${first}\n${indented(rest, indent)}`;
    })
    .join('');
}

function linesOf(sentence: string, indent: number, { width }: View): readonly string[] {
  return width === undefined ? [sentence] : wrapped(sentence, Math.max(1, width - indent));
}

function indented(lines: readonly string[], indent: number): string {
  return lines.map((line) => `${' '.repeat(indent)}${line}\n`).join('');
}
