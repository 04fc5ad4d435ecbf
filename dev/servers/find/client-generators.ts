import type { ServerDefinition } from './server-definition.ts';

const OAPI_CODEGEN = '2.8.2';
const OGEN = '1.24.0';

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
  return new RegExp(`(?:^|version )v${version.replaceAll('.', '\\.')}(?![\\w.-])`, 'm');
}
