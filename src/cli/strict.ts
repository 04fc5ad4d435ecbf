import type { Config } from '../config/config.ts';
import { readProcessConfig } from '../config/config.ts';
import { UsageError } from '../config/settings.ts';
import { reasonOf } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import { KUBERNAUT_KINDS } from '../kubernaut/kinds.ts';
import type { ClusterAccess } from '../kubernetes/cluster-connection.ts';
import { ClusterAccessError, connectCluster } from '../kubernetes/cluster-connection.ts';
import { watchedClusters } from '../services/watcher-settings.ts';
import { printJson } from '../terminal/json-document.ts';
import type { ProbeOptions } from '../watcher/stream/api-request.ts';
import type { NotStripped, Stripping } from '../watcher/strict/strip-finalizers.ts';
import { describeTarget, findHeld, stripAll, stripEach } from '../watcher/strict/strip-finalizers.ts';
import type { Collection } from '../watcher/watched-kind.ts';
import { collectionsOf } from '../watcher/watched-kind.ts';
import { readFlags, readVerb } from './arguments.ts';

const USAGE = `usage: remediation-audit strict <release NAMESPACE/NAME… | release --all | uninstall> [--json] [flags]

  release       takes the finalizer of strict mode off these resources, or off all, at once; what is deleted goes,
                recorded or not. Works whether the watcher runs or not; a watcher that runs does not put it back
  uninstall     takes it off everything, lists everything again, and names what still carries it. First set
                REMEDIATION_AUDIT_STRICT_KINDS to nothing and restart the watcher

  --json        an object per line: each resource with its result, released, no-finalizer or not-released; uninstall
                ends with nothing-held when nothing carries the finalizer any more
  --kubeconfig  kubeconfig file (default: KUBECONFIG, in a pod its service account)
  --context     context within it (default: the clusters that the watcher is configured for)
`;

const FLAGS = {
  all: { type: 'boolean' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;
/** A person waits for the answer. */
const DEADLINE_MS = 30_000;
/** How often an uninstall checks whether something still carries the finalizer. */
const MAX_CHECKS = 3;

/** Without a kind: the name is searched for among all kinds that are watched. */
interface ResourceName {
  readonly namespace: string;
  readonly name: string;
}

interface StrictCommand {
  readonly verb: 'release' | 'uninstall';
  /** Undefined for everything that carries the finalizer. */
  readonly names: readonly ResourceName[] | undefined;
  /** Path of a file. Undefined: KUBECONFIG, in a pod its service account. */
  readonly kubeconfig: string | undefined;
  /** Undefined: every cluster that the watcher is configured for. */
  readonly context: string | undefined;
  readonly isJson: boolean;
}

/** One resource for a person, or as a line of JSON. */
type Say = (text: string, json: JsonObject) => void;

/**
 * `strict release` and `strict uninstall`: take back what strict mode has put on resources. They work on the
 * clusters alone; neither the watcher nor Temporal nor the database has to be there. Goes on after a failure
 * and names at the end everything that was not released, with exit code 1.
 */
export async function runStrict(args: readonly string[], stop: AbortSignal): Promise<void> {
  const command = readCommand(args);
  if (command === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  const config = readProcessConfig();
  const left: NotStripped[] = [];
  for (const access of accessesOf(config, command))
    left.push(...(await runIn(access, config, command, stop)));
  if (left.length === 0) return;
  if (command.isJson) for (const one of left) printJson('StrictRelease', { ...one, result: 'not-released' });
  const lines = left.map(({ what, reason }) => `\n  ${what}: ${reason}`).join('');
  throw new Error(`${left.length} not released:${lines}`);
}

/** One cluster, over a connection of its own. Answers what could not be released there. */
async function runIn(
  access: ClusterAccess,
  config: Config,
  command: StrictCommand,
  signal: AbortSignal,
): Promise<readonly NotStripped[]> {
  const connection = connectCluster(access);
  const options = { connection, deadlineMs: DEADLINE_MS, signal };
  const collections = KUBERNAUT_KINDS.flatMap((kind) => collectionsOf(kind, config.watcher.namespaces));
  process.stderr.write(`at ${connection.server}\n`);
  try {
    const say = sayAs(command);
    if (command.verb === 'uninstall') return await uninstall({ collections, config, say }, options);
    if (command.names === undefined) return report(await stripAll(collections, options), say);
    return await releaseNamed(command.names, say, options);
  } finally {
    await connection.close();
  }
}

interface Uninstall {
  readonly collections: readonly Collection[];
  readonly config: Config;
  readonly say: Say;
}

/**
 * Strips everything again until one round finds nothing, because a watcher that still runs with strict mode
 * may put the finalizer on what is new. Ends after MAX_CHECKS rounds all the same.
 */
async function uninstall(
  { collections, config, say }: Uninstall,
  options: ProbeOptions,
): Promise<readonly NotStripped[]> {
  if (config.watcher.strict.kinds.length > 0) {
    process.stderr.write(
      'REMEDIATION_AUDIT_STRICT_KINDS is set: a watcher that runs with it goes on to hold what is new\n',
    );
  }
  let left: readonly NotStripped[] = [];
  for (let checks = 0; checks < MAX_CHECKS; checks += 1) {
    const result = await stripAll(collections, options);
    left = report(result, say);
    if (result.stripped.length === 0) break;
  }
  if (left.length === 0)
    say('nothing carries the finalizer of strict mode any more', { result: 'nothing-held' });
  return left;
}

/** One name that fails does not keep the others held. */
async function releaseNamed(
  names: readonly ResourceName[],
  say: Say,
  options: ProbeOptions,
): Promise<readonly NotStripped[]> {
  const left: NotStripped[] = [];
  for (const one of names) {
    const what = `${one.namespace}/${one.name}`;
    try {
      // The namespace of the name, also where the watcher is limited to others.
      const everywhere = KUBERNAUT_KINDS.flatMap((kind) => collectionsOf(kind, [one.namespace]));
      const held = await findHeld(everywhere, one, options);
      if (held === undefined)
        left.push({ what, reason: 'no resource of a kind that is watched has that name' });
      else if (held.length === 0)
        say(`${what}: carries no finalizer of strict mode`, { what, result: 'no-finalizer' });
      else left.push(...report(await stripEach(held, options), say));
    } catch (error: unknown) {
      left.push({ what, reason: reasonOf(error) });
    }
  }
  return left;
}

function report({ stripped, left }: Stripping, say: Say): readonly NotStripped[] {
  for (const target of stripped) {
    const what = describeTarget(target);
    say(`${what}: released`, { what, result: 'released' });
  }
  return left;
}

function sayAs({ isJson }: StrictCommand): Say {
  return (text, json) => {
    if (isJson) printJson('StrictRelease', json);
    else process.stdout.write(`${text}\n`);
  };
}

/** With --context that one cluster, else each one that the watcher follows. */
function accessesOf(config: Config, { kubeconfig, context }: StrictCommand): readonly ClusterAccess[] {
  const file = kubeconfig ?? config.kubernetes.kubeconfig;
  if (file === '' && !config.kubernetes.inCluster)
    throw new ClusterAccessError('no cluster is configured: name one with --kubeconfig or KUBECONFIG');
  if (context !== undefined) return [{ kubeconfig: file, context }];
  return watchedClusters(config).map((cluster) => ({ kubeconfig: file, context: cluster.context }));
}

/**
 * `uninstall` takes neither names nor --all. `release` takes names or --all, and not both: to release
 * everything has to be said.
 */
function readCommand(args: readonly string[]): StrictCommand | 'help' {
  const { values, positionals } = readFlags(args, FLAGS);
  const [word, ...names] = positionals;
  if (word === undefined || values.help === true) return 'help';
  const verb = readVerb('strict', word, ['release', 'uninstall']);
  const common = { kubeconfig: values.kubeconfig, context: values.context, isJson: values.json === true };
  if (verb === 'uninstall' && names.length === 0 && values.all !== true)
    return { verb, names: undefined, ...common };
  if (verb !== 'release' || (names.length === 0) !== (values.all === true))
    throw new UsageError(`wrong arguments of \`strict ${verb}\`; ${USAGE.split('\n', 1)[0] ?? ''}`);
  return { verb, names: values.all === true ? undefined : names.map(readName), ...common };
}

function readName(text: string): ResourceName {
  const [, namespace, name] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (namespace !== undefined && name !== undefined) return { namespace, name };
  throw new UsageError(`invalid name ${text}: write NAMESPACE/NAME`);
}
