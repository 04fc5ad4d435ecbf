import type { ServerDefinition } from './server-definition.ts';

const OAPI_CODEGEN = '2.8.2';
const OGEN = '1.24.0';

const KREW = '0.4.4';

/** What installs the plugin; its project publishes a program that installs itself only. */
export const PLUGIN_INSTALLERS = {
  krew: {
    title: 'krew, which installs plugins of kubectl',
    version: KREW,
    pathVariable: 'REMEDIATION_AUDIT_KREW_PATH',
    command: 'kubectl-krew',
    entryPath: 'krew',
    identify: { args: ['version'], expect: new RegExp(`GitTag +${wholeVersion(KREW)}$`, 'm') },
    sources: [
      {
        kind: 'go',
        folder: 'krew',
        package: 'sigs.k8s.io/krew/cmd/krew',
        ldflags: `-s -w -X sigs.k8s.io/krew/internal/version.gitTag=v${KREW}`,
        goVersion: '1.25',
        minutes: 1,
      },
    ],
  },
} as const satisfies Readonly<Record<string, ServerDefinition>>;

/** What makes Go clients of the description; neither project publishes programs. */
export const CLIENT_GENERATORS = {
  'oapi-codegen': {
    title: 'the Go client generator oapi-codegen',
    version: OAPI_CODEGEN,
    pathVariable: 'REMEDIATION_AUDIT_OAPI_CODEGEN_PATH',
    command: 'oapi-codegen',
    entryPath: 'oapi-codegen',
    identify: { args: ['-version'], expect: wholeLine(OAPI_CODEGEN) },
    sources: [
      {
        kind: 'go',
        folder: 'oapi-codegen',
        package: 'github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen',
        ldflags: '-s -w',
        goVersion: '1.25',
        minutes: 1,
      },
    ],
  },
  ogen: {
    title: 'the Go client generator ogen',
    version: OGEN,
    pathVariable: 'REMEDIATION_AUDIT_OGEN_PATH',
    command: 'ogen',
    entryPath: 'ogen',
    identify: { args: ['-version'], expect: wholeLine(OGEN) },
    sources: [
      {
        kind: 'go',
        folder: 'ogen',
        package: 'github.com/ogen-go/ogen/cmd/ogen',
        ldflags: '-s -w',
        goVersion: '1.25',
        minutes: 1,
      },
    ],
  },
} as const satisfies Readonly<Record<string, ServerDefinition>>;

/** Both get their version from the module they were built from. */
function wholeLine(version: string): RegExp {
  return new RegExp(`(?:^|version )${wholeVersion(version)}`, 'm');
}

function wholeVersion(version: string): string {
  return `v${version.replaceAll('.', '\\.')}(?![\\w.-])`;
}

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
