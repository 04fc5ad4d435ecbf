import type { ServerDefinition } from './server-definition.ts';

const VERSION = '1.32.0';

/** Built by one command each from one go.mod: the second takes seconds. There is no release file with the schema tool. */
const source = (program: string, minutes: number): ServerDefinition['sources'] => [
  {
    kind: 'go',
    folder: 'temporal-server',
    package: `go.temporal.io/server/cmd/${program}`,
    ldflags: '-s -w',
    goVersion: '1.26',
    minutes,
  },
];

/** Temporal as it is deployed, and what sets its databases up. */
export const TEMPORAL_ON_POSTGRES = {
  'temporal-server': {
    title: 'the Temporal server for a database of its own',
    version: VERSION,
    pathVariable: 'REMEDIATION_AUDIT_TEMPORAL_SERVER_PATH',
    command: 'temporal-server',
    entryPath: 'temporal-server',
    identify: { args: ['--version'], expect: /temporal version 1\.32\.0(?![\w.-])/ },
    sources: source('server', 4),
  },
  'temporal-sql-tool': {
    title: 'the schema tool of the Temporal server',
    version: VERSION,
    pathVariable: 'REMEDIATION_AUDIT_TEMPORAL_SQL_TOOL_PATH',
    command: 'temporal-sql-tool',
    entryPath: 'temporal-sql-tool',
    identify: { args: ['--version'], expect: /temporal-sql-tool version 1\.32\.0(?![\w.-])/ },
    sources: source('tools/sql', 4),
  },
} as const satisfies Readonly<Record<string, ServerDefinition>>;
