import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Service {
  readonly child: ChildProcess;
  readonly url: Promise<URL>;
  stop(): Promise<void>;
}

/** Starts `ingest-service.ts`, which describes its arguments. */
export function startService(...args: readonly string[]): Service {
  const program = fileURLToPath(new URL('./ingest-service.ts', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const firstLine = async (): Promise<URL> => {
    for await (const line of createInterface({ input: child.stdout })) return new URL(line);
    throw new Error('the service ended before it sent its address');
  };
  return {
    child,
    url: firstLine(),
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}
