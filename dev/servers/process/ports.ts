import { randomInt } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A port somebody asked for, and the flag they change it with. */
interface WantedPort {
  port: number;
  /** For example `--api-port`. */
  flag: string;
  /** What listens there, for example `the API`. */
  use: string;
  /** The address it will listen on. Default 127.0.0.1. */
  host?: string;
}

export class PortTaken extends Error {
  readonly port: number;
  readonly flag: string;
  constructor(wanted: WantedPort, reason: string, remedy = `choose another one with ${wanted.flag}`) {
    super(`port ${wanted.port} for ${wanted.use} ${reason}; ${remedy}`);
    this.name = 'PortTaken';
    this.port = wanted.port;
    this.flag = wanted.flag;
  }
}

export const LOOPBACK = '127.0.0.1';
const RECHECK_MS = 100;
const FOUND_PORTS = { from: 16_000, below: 32_000 } as const;
const PORT_ATTEMPTS = 100;
/** By this process: their users may not listen yet. */
const handedOut = new Set<number>();
const TCP_LISTEN = '0A';

/**
 * Refuses taken ports before anything is started. `graceMs` is for a start right after a killed run, whose servers may
 * still be on their way out.
 */
export async function requireFreePorts(wanted: readonly WantedPort[], graceMs = 0): Promise<void> {
  const fixed = wanted.filter(({ port }) => port !== 0);
  refuseSharedPorts(fixed);
  const deadline = Date.now() + graceMs;
  for (const want of fixed) {
    let obstacle = await findObstacle(want.port, want.host);
    while (obstacle !== undefined && Date.now() < deadline) {
      await delay(RECHECK_MS);
      obstacle = await findObstacle(want.port, want.host);
    }
    // No other port would help.
    if (obstacle === 'EADDRNOTAVAIL')
      throw new PortTaken(
        want,
        `cannot be used: this machine has no address ${want.host ?? LOOPBACK}`,
        'give its loopback interface that address',
      );
    if (obstacle !== undefined) throw new PortTaken(want, await describeObstacle(obstacle, want.port));
  }
}

export async function isPortFree(port: number, host = LOOPBACK): Promise<boolean> {
  return (await findObstacle(port, host)) === undefined;
}

/**
 * A port nobody listens on, below those that the system hands out itself: every outgoing connection of every process
 * on the machine takes one of them, and would soon sit on the port we found. Temporal also notes its ports in a column
 * of 16 bits with a sign. Somebody may still take it before its user does: whoever can should let the system choose.
 */
export async function findFreePort(host = LOOPBACK): Promise<number> {
  let obstacle: string | undefined;
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const port = randomInt(FOUND_PORTS.from, FOUND_PORTS.below);
    if (handedOut.has(port)) continue;
    obstacle = await findObstacle(port, host);
    if (obstacle === undefined) {
      handedOut.add(port);
      return port;
    }
  }
  const { from, below } = FOUND_PORTS;
  throw new Error(
    `cannot find a free port from ${from} to ${below} on ${host} (${obstacle ?? 'all were handed out'}); end what holds them`,
  );
}

function refuseSharedPorts(wanted: readonly WantedPort[]): void {
  const first = new Map<number, WantedPort>();
  for (const want of wanted) {
    const other = first.get(want.port);
    if (other !== undefined) throw new PortTaken(want, `is also the value of ${other.flag} (${other.use})`);
    first.set(want.port, want);
  }
}

/** The error code that keeps us from listening there, or undefined. */
function findObstacle(port: number, host = LOOPBACK): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    server.listen({ port, host, exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}

async function describeObstacle(code: string, port: number): Promise<string> {
  if (code === 'EACCES') return 'may not be used by this user (ports below 1024 are reserved for root)';
  if (code !== 'EADDRINUSE') return `cannot be used (${code})`;
  const holder = await findHolder(port);
  return holder === undefined ? 'is already taken' : `is already taken by ${holder}`;
}

/** Linux only, and only for processes we may look into: elsewhere the message does without a name. */
async function findHolder(port: number): Promise<string | undefined> {
  const inodes = await listeningSockets(port);
  if (inodes.size === 0) return undefined;
  for (const pid of await readdirOrNothing('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of await readdirOrNothing(`/proc/${pid}/fd`)) {
      // Processes and descriptors come and go while we read; one that is gone holds no port.
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      if (!inodes.has(target)) continue;
      return `${await programOf(pid)} (process ${pid})`;
    }
  }
  return undefined;
}

/** From its command line: the name in `comm` is that of a thread, and Node calls its own MainThread. */
async function programOf(pid: string): Promise<string> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const [program = ''] = commandLine.split('\0', 1);
  // A process may write a whole title there: `postgres: checkpointer`.
  const [path = ''] = program.split(' ', 1);
  return basename(path).replace(/:$/, '') || 'a process';
}

async function listeningSockets(port: number): Promise<Set<string>> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'utf8').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === TCP_LISTEN && local?.endsWith(suffix) === true) inodes.add(`socket:[${inode ?? ''}]`);
    }
  }
  return inodes;
}

function readdirOrNothing(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
