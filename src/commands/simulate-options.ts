import { parseArgs } from 'node:util';

import type { Generation } from '../embedded/simulator/generations.ts';
import { GENERATIONS } from '../embedded/simulator/generations.ts';
import { MAX_SEED } from '../embedded/simulator/random.ts';
import { millisecondsOf } from '../embedded/simulator/step.ts';
import type { Branch } from '../embedded/simulator/stories.ts';
import { BRANCHES, branchesOf, storyOf } from '../embedded/simulator/stories.ts';
import { UsageError } from '../settings.ts';

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
  readonly namespace: string;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly installKinds: boolean;
}

const FLAGS = {
  count: { type: 'string', default: '10' },
  rate: { type: 'string' },
  seed: { type: 'string' },
  branches: { type: 'string', default: 'all' },
  generation: { type: 'string', default: 'G3' },
  speed: { type: 'string', default: '30' },
  concurrency: { type: 'string' },
  burst: { type: 'boolean', default: false },
  retention: { type: 'string', default: '1h' },
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
const CONCURRENCY = 3;
const BURST_CONCURRENCY = 100;

export const SIMULATE_USAGE = `usage: remediation-audit simulate [flags]

Plays remediations in a cluster: their resources are created, changed and, after their retention, deleted. Nothing acts
on them. Refuses a cluster that holds resources of kubernaut which no simulator made.

  --count N           how many remediations                            (${FLAGS.count.default})
  --rate R            how many begin in a minute                       (each a while after another has ended)
  --burst             all begin at once, as far as --concurrency lets them
  --concurrency N     how many at the same time                        (${CONCURRENCY}; with --burst ${BURST_CONCURRENCY})
  --seed N            the same seed plays the same                     (a new one)
  --branches A,B|all  what is played, in a seeded order                (${FLAGS.branches.default})
  --generation G      shape of the resources: ${GENERATIONS.join(', ')}               (${FLAGS.generation.default})
  --speed F           how many times faster than life                  (${FLAGS.speed.default})
  --retention SPAN    how long an ended remediation stays, like 90s    (${FLAGS.retention.default})
  --namespace NAME    where the resources are                          (${FLAGS.namespace.default})
  --kubeconfig FILE   the cluster                                      (KUBECONFIG)
  --context NAME      context within it                                (its current one)
  --install-kinds     define the kinds first, where the cluster does not have them

branches:
${BRANCHES.map((branch) => `  ${branch.padEnd(30)}${storyOf(branch).tells}`).join('\n')}
`;

export function readSimulateOptions(args: readonly string[]): SimulateOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const generation = readGeneration(values.generation);
  const optional = (flag: string, text: string | undefined, most: number): number | undefined =>
    text === undefined ? undefined : readWhole(flag, text, most);
  const usual = values.burst ? BURST_CONCURRENCY : CONCURRENCY;
  if (values.burst && values.rate !== undefined) {
    throw new UsageError('--burst and --rate say the opposite: choose one of them');
  }
  return {
    count: readWhole('--count', values.count, MAX_COUNT),
    ratePerMinute: optional('--rate', values.rate, MAX_RATE),
    seed: optional('--seed', values.seed, MAX_SEED),
    branches: readBranches(values.branches, generation),
    generation,
    speed: readWhole('--speed', values.speed, MAX_SPEED),
    concurrency: optional('--concurrency', values.concurrency, MAX_CONCURRENCY) ?? usual,
    burst: values.burst,
    retentionMs: readSpan('--retention', values.retention),
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
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new UsageError(`${reason}; \`remediation-audit simulate --help\` shows the flags`);
  }
}

function readWhole(flag: string, text: string, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= most) return value;
  throw new UsageError(`${flag} must be a whole number from 1 to ${most}, not ${JSON.stringify(text)}`);
}

function readSpan(flag: string, text: string): number {
  try {
    return millisecondsOf(text);
  } catch (error: unknown) {
    throw new UsageError(`${flag}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readGeneration(text: string): Generation {
  const generation = GENERATIONS.find((known) => known === text);
  if (generation !== undefined) return generation;
  throw new UsageError(`--generation must be ${GENERATIONS.join(', ')}, not ${JSON.stringify(text)}`);
}

function readBranches(text: string, generation: Generation): readonly Branch[] {
  const known = branchesOf(generation);
  if (text === 'all') return known;
  return text.split(',').map((word) => {
    const branch = known.find((candidate) => candidate === word.trim());
    if (branch !== undefined) return branch;
    throw new UsageError(
      `--branches: ${generation} has no branch ${JSON.stringify(word)}; it has ${known.join(', ')}`,
    );
  });
}
