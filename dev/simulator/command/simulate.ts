import { readProcessConfig } from '../../../src/config/config.ts';
import { ClusterAccessError } from '../../../src/kubernetes/cluster-connection.ts';
import type { ClusterWriter } from '../../../src/kubernetes/cluster-writer.ts';
import { connectForWriting } from '../../../src/kubernetes/cluster-writer.ts';
import { groupResource, groupVersion } from '../../sandbox/kinds.ts';
import { ClusterClient } from '../cluster-client.ts';
import type { Generation } from '../generations.ts';
import { kindsOf } from '../generations.ts';
import { installKinds } from '../install-kinds.ts';
import type { PlayedRemediation } from '../play.ts';
import { chooseSeed } from '../random.ts';
import { runSimulator } from '../simulator.ts';
import { refuseForeignCluster } from '../sweep.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { readSimulateOptions, SIMULATE_USAGE } from './simulate-options.ts';

/** A person waits for the answer: a cluster that is away is said to be away. */
const PATIENCE_MS = 5_000;
const NOT_FOUND = 404;

/** `simulate`: remediations in a cluster that has none of its own. */
export async function runSimulate(args: readonly string[], stop: AbortSignal): Promise<void> {
  const options = readSimulateOptions(args);
  if (options === 'help') {
    process.stdout.write(SIMULATE_USAGE);
    return;
  }
  const { kubernetes } = readProcessConfig();
  const kubeconfig = options.kubeconfig ?? kubernetes.kubeconfig;
  if (kubeconfig === '' && !kubernetes.inCluster) {
    throw new ClusterAccessError('no cluster is configured: name one with --kubeconfig or KUBECONFIG');
  }
  await using writer = await connectForWriting({
    kubeconfig,
    context: options.context ?? kubernetes.context,
  });
  await prepareCluster(writer, options, stop);
  await play(writer, options, stop);
}

async function prepareCluster(
  writer: ClusterWriter,
  options: SimulateOptions,
  stop: AbortSignal,
): Promise<void> {
  await using client = new ClusterClient(writer, { signal: stop, patienceMs: PATIENCE_MS });
  await refuseForeignCluster(client);
  if (options.installKinds) await installKinds(writer, kindsOf(options.generation));
  else await requireKinds(client, options.generation);
}

async function requireKinds(client: ClusterClient, generation: Generation): Promise<void> {
  for (const kind of kindsOf(generation)) {
    const path = `/apis/${groupVersion(kind)}/${kind.plural}?limit=1`;
    if ((await client.send({ method: 'GET', path })).status !== NOT_FOUND) continue;
    throw new ClusterAccessError(
      `the cluster does not serve ${groupResource(kind)}; --install-kinds defines what ${generation} needs`,
    );
  }
}

async function play(writer: ClusterWriter, options: SimulateOptions, stop: AbortSignal): Promise<void> {
  const { ratePerMinute, seed = chooseSeed(), ...rest } = options;
  const ended: PlayedRemediation[] = [];
  process.stderr.write(`playing ${options.count} remediations of seed ${seed} at ${writer.server}\n`);
  const { started } = await runSimulator({
    ...rest,
    ...(ratePerMinute === undefined ? {} : { ratePerMinute }),
    cluster: writer,
    seed,
    signal: stop,
    ended: (played) => {
      ended.push(played);
      process.stderr.write(`${ended.length}/${options.count} ${lineOf(played)}\n`);
    },
  });
  process.stdout.write(summaryOf(ended, seed, started));
}

function lineOf({ namespace, name, branch, phase, deleted, finished }: PlayedRemediation): string {
  const end = finished ? '' : ', deleted by somebody else';
  return `${namespace}/${name} ${branch}: ${deleted && finished ? 'deleted while ' : ''}${phase ?? 'new'}${end}`;
}

function summaryOf(ended: readonly PlayedRemediation[], seed: number, started: number): string {
  const counts = new Map<string, number>();
  for (const { branch } of ended) counts.set(branch, (counts.get(branch) ?? 0) + 1);
  const lines = [...counts].sort().map(([branch, count]) => `  ${branch.padEnd(30)}${count}`);
  return [`seed ${seed}: ${started} remediations begun, ${ended.length} ended`, ...lines, ''].join('\n');
}
