import { parseArgs } from 'node:util';

import { UsageError } from '../../../src/config/settings.ts';
import { reasonOf } from '../../../src/domain/errors.ts';
import { readBranches, readSpan, readWhole } from '../flags.ts';
import type { Generation } from '../generations.ts';
import { GENERATIONS } from '../generations.ts';
import { MAX_SEED } from '../random.ts';
import type { Branch } from '../stories.ts';
import { BRANCHES, storyOf } from '../stories.ts';

export interface SimulateOptions {
  readonly count: number;
  readonly ratePerMinute: number | undefined;
  readonly seed: number | undefined;
  readonly branches: readonly Branch[];
  readonly generation: Generation;
  readonly speed: number;
  readonly concurrency: number;
  readonly burst: boolean;
  readonly retentionMs: number;
  readonly flapMs: number;
  readonly deleteAll: boolean;
  readonly namespace: string;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly installKinds: boolean;
}

const FLAGS = {
  count: { type: 'string' },
  rate: { type: 'string' },
  seed: { type: 'string' },
  branches: { type: 'string', default: 'all' },
  generation: { type: 'string', default: 'G3' },
  speed: { type: 'string', default: '30' },
  concurrency: { type: 'string' },
  burst: { type: 'string' },
  retention: { type: 'string', default: '1h' },
  'flap-for': { type: 'string', default: '5s' },
  'delete-all': { type: 'boolean', default: false },
  namespace: { type: 'string', default: 'kubernaut-system' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  'install-kinds': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const MAX_COUNT = 1_000_000;
const MAX_RATE = 60_000;
const MAX_SPEED = 1_000_000;
const MAX_CONCURRENCY = 1_000;
const COUNT = 10;
const CONCURRENCY = 3;

export const SIMULATE_USAGE = `usage: remediation-audit simulate [flags]

Plays remediations in a cluster: their resources are created, changed and, after their retention, deleted. Nothing acts
on them. Refuses a cluster that holds resources of kubernaut which no simulator made.

  --count N           how many remediations                            (${COUNT}; with --burst as many as that)
  --rate R            how many begin in a minute                       (each a while after another has ended)
  --burst N           a storm: so many begin at once, and the next as soon as one has ended
  --concurrency N     how many at the same time                        (${CONCURRENCY}; not with --burst)
  --seed N            the same seed plays the same                     (a new one)
  --branches A,B|all  what is played, in a seeded order                (${FLAGS.branches.default})
  --generation G      shape of the resources: ${GENERATIONS.join(', ')}               (${FLAGS.generation.default})
  --speed F           how many times faster than life                  (${FLAGS.speed.default})
  --retention SPAN    how long an ended remediation stays, like 90s    (${FLAGS.retention.default})
  --flap-for SPAN     how long a status flaps in notification-flapping, by the clock (${FLAGS['flap-for'].default})
  --delete-all        at the end delete everything that was simulated, at once, as with its namespace
  --namespace NAME    where the resources are                          (${FLAGS.namespace.default})
  --kubeconfig FILE   the cluster                                      (KUBECONFIG)
  --context NAME      context within it                                (its current one)
  --install-kinds     define the kinds first, where the cluster does not have them

branches:
${BRANCHES.map((branch) => `  ${branch.padEnd(30)}${storyOf(branch).summary}`).join('\n')}
`;

export function readSimulateOptions(args: readonly string[]): SimulateOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const generation = readGeneration(values.generation);
  const optional = (flag: string, text: string | undefined, most: number): number | undefined =>
    text === undefined ? undefined : readWhole(flag, text, most);
  const burst = optional('--burst', values.burst, MAX_CONCURRENCY);
  for (const flag of ['rate', 'concurrency'] as const) {
    if (burst === undefined || values[flag] === undefined) continue;
    throw new UsageError(`--burst and --${flag} are mutually exclusive: choose one of them`);
  }
  return {
    count: optional('--count', values.count, MAX_COUNT) ?? burst ?? COUNT,
    ratePerMinute: optional('--rate', values.rate, MAX_RATE),
    seed: optional('--seed', values.seed, MAX_SEED),
    branches: readBranches(values.branches, generation),
    generation,
    speed: readWhole('--speed', values.speed, MAX_SPEED),
    concurrency: optional('--concurrency', values.concurrency, MAX_CONCURRENCY) ?? burst ?? CONCURRENCY,
    burst: burst !== undefined,
    retentionMs: readSpan('--retention', values.retention),
    flapMs: readSpan('--flap-for', values['flap-for']),
    deleteAll: values['delete-all'],
    namespace: values.namespace,
    kubeconfig: values.kubeconfig,
    context: values.context,
    installKinds: values['install-kinds'],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: false }).values;
  } catch (error: unknown) {
    // Node explains at length how a positional argument could be written; the first sentence names the culprit.
    const [reason = ''] = reasonOf(error).split('. ');
    throw new UsageError(`${reason}; \`remediation-audit simulate --help\` shows the flags`);
  }
}

function readGeneration(text: string): Generation {
  const generation = GENERATIONS.find((known) => known === text);
  if (generation !== undefined) return generation;
  throw new UsageError(`--generation must be ${GENERATIONS.join(', ')}, not ${JSON.stringify(text)}`);
}
