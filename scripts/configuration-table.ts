import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { VARIABLES } from '../src/variables.ts';

/** `npm run docs:configuration`: writes the table of docs/configuration.md from config.ts; a test compares the two. */
const PAGE = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));
const BEGIN = '<!-- table of variables: written by npm run docs:configuration -->';

export function configurationTable(): string {
  const rows = Object.entries(VARIABLES).map(
    ([name, { default: value, unit, meaning }]) =>
      `| \`${name}\` | ${value === '' ? '–' : `\`${value}\``} | ${unit === '' ? '–' : unit} | ${meaning} |`,
  );
  return ['| variable | default | unit | meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}

if (import.meta.main) {
  const [head = ''] = readFileSync(PAGE, 'utf8').split(BEGIN);
  writeFileSync(PAGE, `${head}${BEGIN}\n\n${configurationTable()}`);
}
