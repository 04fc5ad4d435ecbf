import type { ClusterTarget } from './cluster-client.ts';
import type { Generation } from './generations.ts';
import type { PlayedRemediation } from './play.ts';
import { runSimulator } from './simulator.ts';
import type { Branch } from './stories.ts';

interface BranchOptions {
  generation: Generation;
  seed: number;
  /** How many times faster than life. Default 3,000. */
  speed?: number;
  /** Default `kubernaut-system`. */
  namespace?: string;
}

const FAST = 3_000;
const FLAP_MS = 500;

/** Plays one remediation and answers when it has ended; oracle.ts says how it must have. */
export async function playBranch(
  cluster: ClusterTarget,
  branch: Branch,
  { generation, seed, speed = FAST, namespace }: BranchOptions,
): Promise<PlayedRemediation> {
  const report = await runSimulator({
    cluster,
    branches: [branch],
    generation,
    seed,
    speed,
    flapMs: FLAP_MS,
    count: 1,
    ...(namespace === undefined ? {} : { namespace }),
  });
  const [played] = report.remediations;
  if (played === undefined) throw new Error(`no remediation was played of ${branch}`);
  return played;
}
