import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

/** A user PostgreSQL runs as instead of root, which it refuses. */
export interface RunAs {
  uid: number;
  gid: number;
}

const ROOT = 0;
const CANDIDATES = ['postgres', 'nobody'];

/**
 * Undefined when we run as an ordinary user: then PostgreSQL runs as that user. As root it runs as the owner of the
 * cluster, so that data made by an ordinary user stays usable, else as `postgres`, else as `nobody`.
 */
export function chooseRunAs(clusterDir: string): RunAs | undefined {
  const owner = statSync(clusterDir, { throwIfNoEntry: false });
  const self = process.geteuid?.();
  if (self === ROOT) return owner === undefined || owner.uid === ROOT ? findServiceUser() : pick(owner);
  if (owner === undefined || self === undefined || owner.uid === self) return undefined;
  throw new Error(
    `cannot use the database in ${clusterDir}: it belongs to user ${owner.uid}, and this is user ${self}; ` +
      'start as that user or as root, or choose another --data-dir',
  );
}

function pick({ uid, gid }: RunAs): RunAs {
  return { uid, gid };
}

function findServiceUser(): RunAs {
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of CANDIDATES) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    // Written as -2 on some systems.
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
  }
  throw new Error(
    'cannot run PostgreSQL as root, and this system has neither a user postgres nor a user nobody; ' +
      'add one of them to /etc/passwd, or start as an ordinary user',
  );
}

interface Attempt {
  succeeded: boolean;
  output: string;
}

/** Tries as that user, because modes alone do not decide it: there are access lists and mounts, too. */
export function attemptAs(runAs: RunAs | undefined, command: string, args: readonly string[]): Attempt {
  const options = { encoding: 'utf8', cwd: '/', env: {}, timeout: 30_000, ...runAs } as const;
  const done = spawnSync(command, args, options);
  const output = done.error === undefined ? `${done.stdout}${done.stderr}`.trim() : done.error.message;
  return { succeeded: done.status === 0, output };
}

export function canEnter(runAs: RunAs, folder: string): boolean {
  return attemptAs(runAs, '/bin/sh', ['-c', 'cd "$1"', 'sh', folder]).succeeded;
}
