import { parseArgs } from 'node:util';

import { UsageError } from '../../src/config/settings.ts';
import { reasonOf } from '../../src/domain/errors.ts';
import { readBranches, readSpan, readWhole } from '../simulator/flags.ts';
import type { Branch } from '../simulator/stories.ts';

type ClusterMode = 'sandbox' | 'apiserver' | 'kubeconfig';
const CLUSTER_MODES: readonly ClusterMode[] = ['sandbox', 'apiserver', 'kubeconfig'];

type TemporalMode = 'dev' | 'server';
const TEMPORAL_MODES: readonly TemporalMode[] = ['dev', 'server'];

export interface UpOptions {
  readonly dataDir: string;
  readonly apiPort: number;
  readonly temporalPort: number;
  readonly temporalUiPort: number;
  readonly postgresPort: number;
  /** `dev`: the development server; `server`: temporal-server on the embedded PostgreSQL, without a UI. */
  readonly temporal: TemporalMode;
  readonly simulator: boolean;
  readonly simulation: SimulationOptions;
  readonly cluster: ClusterMode;
  /** Empty for the usual one: KUBECONFIG, else ~/.kube/config, else the pod's service account. */
  readonly kubeconfig: string;
  readonly context: string | undefined;
}

/** What the simulator plays, where there is one. */
interface SimulationOptions {
  /** So many remediations begin at once, before it goes on as usual. */
  readonly burst: number | undefined;
  /** Default: all, and more often what a cluster in good order shows. */
  readonly branches: readonly Branch[] | undefined;
  readonly flapMs: number;
}

/** More than this are no storm but a test of the sandbox. */
const MAX_BURST = 1_000;

const FLAGS = {
  'data-dir': { type: 'string', default: '.data' },
  'api-port': { type: 'string', default: '8085' },
  'temporal-port': { type: 'string', default: '7233' },
  'temporal-ui-port': { type: 'string', default: '8233' },
  'postgres-port': { type: 'string', default: '54320' },
  temporal: { type: 'string', default: 'dev' },
  'no-simulator': { type: 'boolean', default: false },
  burst: { type: 'string' },
  branches: { type: 'string' },
  'flap-for': { type: 'string', default: '5s' },
  cluster: { type: 'string' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

export const UP_USAGE = `usage: remediation-audit up [flags]

Runs PostgreSQL, Temporal, a cluster and the whole service on this machine, to try it or to develop it.

  --data-dir DIR          where everything is kept between starts     (${FLAGS['data-dir'].default})
  --api-port N            REST service                                (${FLAGS['api-port'].default}; 0 takes a free one, as for every port)
  --temporal-port N       Temporal frontend                           (${FLAGS['temporal-port'].default})
  --temporal-ui-port N    Temporal UI                                 (${FLAGS['temporal-ui-port'].default})
  --postgres-port N       PostgreSQL                                  (${FLAGS['postgres-port'].default})
  --cluster MODE          sandbox     an in-process API server in which a simulator plays remediations
                          apiserver   a real kube-apiserver with etcd, and the simulator
                          kubeconfig  your cluster, read only
                                                                      (sandbox)
  --kubeconfig [FILE]     watch your cluster; without FILE the one of KUBECONFIG, else ~/.kube/config.
                          Without this flag KUBECONFIG is not used
  --context NAME          context within it                           (its current one)
  --temporal MODE         dev         the development server with its UI      (dev)
                          server      temporal-server on the embedded PostgreSQL, without a UI
  --no-simulator          leave sandbox or apiserver empty
  --burst N               a storm: the simulator begins with N remediations at once
  --branches A,B|all      what the simulator plays; \`simulate --help\` lists them
  --flap-for SPAN         how long a status flaps in notification-flapping (${FLAGS['flap-for'].default})

Records carry the name of their cluster: default for the sandbox, apiserver for the real one, the context's name for
yours, unless REMEDIATION_AUDIT_CLUSTER names it.
`;

export function readUpOptions(args: readonly string[]): UpOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const cluster = readClusterMode(values.cluster, values.kubeconfig);
  if (values.context !== undefined && cluster !== 'kubeconfig')
    throw new UsageError('--context goes with --kubeconfig: add that');
  return {
    dataDir: values['data-dir'],
    apiPort: readPort('--api-port', values['api-port']),
    temporalPort: readPort('--temporal-port', values['temporal-port']),
    temporalUiPort: readPort('--temporal-ui-port', values['temporal-ui-port']),
    postgresPort: readPort('--postgres-port', values['postgres-port']),
    temporal: readTemporalMode(values.temporal),
    simulator: !values['no-simulator'],
    simulation: {
      burst: values.burst === undefined ? undefined : readWhole('--burst', values.burst, MAX_BURST),
      branches: values.branches === undefined ? undefined : readBranches(values.branches, 'G3'),
      flapMs: readSpan('--flap-for', values['flap-for']),
    },
    cluster,
    kubeconfig: values.kubeconfig ?? '',
    context: values.context,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: withFileOf(args), options: FLAGS, allowPositionals: false }).values;
  } catch (error: unknown) {
    // Node explains at length how a positional argument could be written; the first sentence names the culprit.
    const [reason = ''] = reasonOf(error).split('. ');
    throw new UsageError(`${reason}; \`remediation-audit up --help\` shows the flags`);
  }
}

/** `--kubeconfig` may stand alone, which the parser does not know: it gets an empty value. */
function withFileOf(args: readonly string[]): string[] {
  return args.map((arg, index) => {
    const isAlone = args[index + 1]?.startsWith('-') ?? true;
    return arg === '--kubeconfig' && isAlone ? '--kubeconfig=' : arg;
  });
}

function readTemporalMode(text: string): TemporalMode {
  const mode = TEMPORAL_MODES.find((candidate) => candidate === text);
  if (mode !== undefined) return mode;
  throw new UsageError(`--temporal must be ${TEMPORAL_MODES.join(' or ')}, not ${JSON.stringify(text)}`);
}

function readPort(flag: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 0 && port <= 65_535) return port;
  throw new UsageError(`${flag} must be a port from 0 to 65535, not ${JSON.stringify(text)}`);
}

function readClusterMode(text: string | undefined, kubeconfig: string | undefined): ClusterMode {
  if (text === undefined) return kubeconfig === undefined ? 'sandbox' : 'kubeconfig';
  const mode = CLUSTER_MODES.find((candidate) => candidate === text);
  if (mode === undefined) {
    throw new UsageError(`--cluster must be ${CLUSTER_MODES.join(', ')}, not ${JSON.stringify(text)}`);
  }
  if (kubeconfig !== undefined && mode !== 'kubeconfig') {
    throw new UsageError(`--kubeconfig goes with --cluster kubeconfig, not with --cluster ${mode}`);
  }
  return mode;
}
