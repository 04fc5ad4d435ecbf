import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { NEEDS } from '../src/config/missing-settings.ts';
import { PROCESSES, READ_BY } from '../src/config/process-variables.ts';
import { USER_VARIABLES } from '../src/config/user-environment.ts';
import { VARIABLES } from '../src/config/variables.ts';

/** `npm run docs:configuration`: writes the tables of docs/configuration.md from the code; a test compares the two. */
const PAGE = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));
const NEEDS_BEGIN = '<!-- table of needs: written by npm run docs:configuration -->';
const NEEDS_END = '<!-- end of the table of needs -->';
const BEGIN = '<!-- table of variables: written by npm run docs:configuration -->';

export function configurationTable(): string {
  const rows = Object.entries(VARIABLES).map(
    ([name, { default: value, unit, meaning }]) =>
      `| \`${name}\` | ${value === '' ? '–' : `\`${value}\``} | ${unit === '' ? '–' : unit} | ${readersOf(name)} | ${meaning} |`,
  );
  return ['| variable | default | unit | read by | meaning |', '|---|---|---|---|---|', ...rows, ''].join(
    '\n',
  );
}

/** What no process of a deployment reads is for `up`, which runs them all, and for tests. */
function readersOf(variable: string): string {
  if (Object.hasOwn(USER_VARIABLES, variable)) return '`kubectl remediation`';
  const readers = PROCESSES.filter((process) => READ_BY[process].some((name) => name === variable));
  return readers.length === 0 ? 'up' : readers.join(', ');
}

export function needsTable(): string {
  const rows = PROCESSES.flatMap((process) =>
    NEEDS[process].map(
      ({ variable, without }) =>
        `| \`${process}\` | \`${variable}\` | ${without ?? `\`${process}\` does not start`} |`,
    ),
  );
  return ['| process | needs | without it |', '|---|---|---|', ...rows].join('\n');
}

export function updatePage(page: string): string {
  const [head = ''] = page.split(BEGIN);
  const [before = '', rest = ''] = head.split(NEEDS_BEGIN);
  const after = rest.split(NEEDS_END)[1] ?? '';
  const needs = `${NEEDS_BEGIN}\n\n${needsTable()}\n\n${NEEDS_END}`;
  return `${before}${needs}${after}${BEGIN}\n\n${configurationTable()}`;
}

if (import.meta.main) writeFileSync(PAGE, updatePage(readFileSync(PAGE, 'utf8')));
