import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml';

import { PROCESSES, READ_BY } from '../src/config/process-variables.ts';

/** `npm run docs:chart`: writes the table of the chart's README from values.yaml, and the variables into its schema. */
const CHART = new URL('../deploy/chart/', import.meta.url);
const README = fileURLToPath(new URL('README.md', CHART));
const SCHEMA = fileURLToPath(new URL('values.schema.json', CHART));
const BEGIN = '<!-- table of values: written by npm run docs:chart -->';

export interface ChartValue {
  readonly path: string;
  readonly default: unknown;
  readonly meaning: string;
}

/** Every value that can be set, with the comment above it. */
export function chartValues(): readonly ChartValue[] {
  const text = readFileSync(new URL('values.yaml', CHART), 'utf8');
  return valuesIn(parseDocument(text).contents as YAMLMap, '');
}

function valuesIn(map: YAMLMap, prefix: string): ChartValue[] {
  return map.items.flatMap((pair, index) => {
    if (!isScalar(pair.key)) return [];
    const path = prefix + String(pair.key.value);
    // The comment above the first member belongs to the map to the parser.
    const comment = pair.key.commentBefore ?? (index === 0 ? map.commentBefore : undefined) ?? '';
    if (isMap(pair.value) && pair.value.items.length > 0 && !IS_WHOLE.test(path))
      return [
        ...(comment === '' ? [] : [{ path, default: undefined, meaning: comment }]),
        ...valuesIn(pair.value, `${path}.`),
      ];
    const value = pair.value as { toJSON(): unknown };
    return [{ path, default: value.toJSON(), meaning: comment }];
  });
}

/** Kubernetes' own structures: one value each. */
const IS_WHOLE = /\.resources$/;

export function chartReadme(page: string): string {
  const rows = chartValues().map(({ path, default: value, meaning }) => {
    const shown = value === undefined || value === '' ? '–' : `\`${JSON.stringify(value)}\``;
    return `| \`${path}\` | ${shown} | ${meaning.replaceAll(/\s+/g, ' ').trim()} |`;
  });
  const table = ['| value | default | meaning |', '|---|---|---|', ...rows, ''].join('\n');
  return `${page.split(BEGIN, 1)[0] ?? ''}${BEGIN}\n\n${table}`;
}

interface Schema {
  definitions: { settings: { propertyNames: { anyOf: [{ enum: string[] }, object] } } };
}

/**
 * The templates set these by themselves: a second value would give a process what another one has, or let strangers in.
 * The last ones are secret: extraEnv takes them from a secret.
 */
const NOT_A_SETTING = new Set([
  'DATABASE_URL',
  'DATABASE_OWNER_URL',
  'REMEDIATION_AUDIT_WORKER_QUEUES',
  'REMEDIATION_AUDIT_ARCHIVE_KEY_FILE',
  'REMEDIATION_AUDIT_API_AUTH_MODE',
  'REMEDIATION_AUDIT_API_TOKENS_FILE',
  'REMEDIATION_AUDIT_API_TOKEN_AUDIENCES',
  'REMEDIATION_AUDIT_API_ALLOW_INSECURE_BIND',
  'TEMPORAL_API_KEY',
  'REMEDIATION_AUDIT_EMBEDDING_API_KEY',
]);

/** What a chart may set: variables of the processes, and those of other owners, such as AWS_REGION. */
export function chartSchema(text: string): string {
  const schema = JSON.parse(text) as Schema;
  const names = new Set(PROCESSES.flatMap((process) => READ_BY[process]));
  schema.definitions.settings.propertyNames.anyOf[0].enum = [...names]
    .filter((name) => !NOT_A_SETTING.has(name))
    .toSorted();
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(README, chartReadme(readFileSync(README, 'utf8')));
  writeFileSync(SCHEMA, chartSchema(readFileSync(SCHEMA, 'utf8')));
}
