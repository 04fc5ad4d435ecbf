import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { extname } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/**
 * Two ways to end a server when its parent is gone, both without a moment in which it could be left behind:
 *
 * - `setpriv --pdeathsig` (Linux): the kernel sends the signal. A parent that died before the signal was set is seen by
 *   the shell in between, whose parent is then somebody else.
 * - a watchdog process (elsewhere): it holds a pipe to the parent and ends the server when the pipe closes. The shell
 *   in between waits for a word from the parent, given after the watchdog knows the server, and goes when none comes.
 *
 * Both replace themselves by the server, so its process id is the one that was spawned.
 */
const SHELL = '/bin/sh';
const GO_IF_PARENT_IS = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"';
const GO_ON_REQUEST = 'read -r go <&3 || exit 1; exec 3<&-; exec "$@"';

/** The user a server runs as when we are root. Servers such as PostgreSQL refuse to run as root. */
export interface ProcessIdentity {
  uid: number;
  gid: number;
  /** Keep the right to read and write any file (CAP_DAC_OVERRIDE): for data below a folder the user cannot enter. */
  keepFileAccess: boolean;
}

interface GuardedSpec {
  name: string;
  command: string;
  args: readonly string[];
  identity?: ProcessIdentity;
  stopSignal: 'SIGTERM' | 'SIGINT';
}

interface GuardedCommand {
  command: string;
  args: string[];
  spawnOptions: { uid?: number; gid?: number };
  /** The process reads file descriptor 3 and starts the server once `watchOver` has spoken. */
  waitsForGo: boolean;
}

export function guardedCommand(spec: GuardedSpec): GuardedCommand {
  const setpriv = findSetpriv();
  if (setpriv !== undefined) {
    const guard = ['--pdeathsig', spec.stopSignal, ...identityFlags(spec.identity), '--'];
    const shell = [SHELL, '-c', GO_IF_PARENT_IS, spec.name, String(process.pid)];
    return {
      command: setpriv,
      args: [...guard, ...shell, spec.command, ...spec.args],
      spawnOptions: {},
      waitsForGo: false,
    };
  }
  if (spec.identity?.keepFileAccess === true) {
    throw new Error(
      `cannot start ${spec.name} as user ${spec.identity.uid} with access to every file: ` +
        'this needs the program setpriv; install util-linux, or use a data directory every user may enter',
    );
  }
  const { identity } = spec;
  return {
    command: SHELL,
    args: ['-c', GO_ON_REQUEST, spec.name, spec.command, ...spec.args],
    spawnOptions: identity === undefined ? {} : { uid: identity.uid, gid: identity.gid },
    waitsForGo: true,
  };
}

function identityFlags(identity: ProcessIdentity | undefined): string[] {
  if (identity === undefined) return [];
  const user = [`--reuid=${identity.uid}`, `--regid=${identity.gid}`, '--clear-groups'];
  return identity.keepFileAccess
    ? [...user, '--inh-caps=+dac_override', '--ambient-caps=+dac_override']
    : user;
}

let setprivPath: string | null | undefined;

function findSetpriv(): string | undefined {
  if (setprivPath === undefined) {
    // Tried rather than looked for: the setpriv of busybox knows no --pdeathsig.
    const script = 'setpriv --pdeathsig SIGTERM true && command -v setpriv';
    const tried = spawnSync(SHELL, ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    setprivPath = tried.status === 0 ? tried.stdout.trim() : null;
  }
  return setprivPath ?? undefined;
}

interface Watched {
  pid: number;
  stopSignal: NodeJS.Signals;
  stopDeadlineMs: number;
}

/** Sets a watchdog on a server that waits for its go, then lets it go. */
export function watchOver(server: ChildProcess, watched: Watched): void {
  // Built, this file and the watchdog end in .js.
  const self = fileURLToPath(import.meta.url);
  const program = fileURLToPath(new URL(`./parent-watchdog${extname(self)}`, import.meta.url));
  const { pid, stopSignal, stopDeadlineMs } = watched;
  const watchdog = spawn(process.execPath, [program, String(pid), stopSignal, String(stopDeadlineMs)], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const release = (): void => {
    watchdog.kill('SIGKILL');
  };
  watchdog.once('error', () => {
    server.kill('SIGKILL');
  });
  watchdog.once('exit', () => {
    // Without its watchdog the server could outlive us.
    if (server.exitCode === null && server.signalCode === null) server.kill(stopSignal);
  });
  server.once('exit', release);
  watchdog.stdout.once('data', () => {
    const go = server.stdio[3] as Writable;
    // The shell in between may be gone already; then there is nobody to signal, and `exited` says so.
    go.on('error', () => undefined);
    go.end('go\n');
  });
}
