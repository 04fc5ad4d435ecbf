import { afterEach, inject } from 'vitest';

/*
 * A test that hangs ends at its time limit, and that says nothing of why. Its message gets what there is to see then: what this process
 * waits for, and what PostgreSQL does. For every file, by `setupFiles`.
 */

const TIMED_OUT = /^Test timed out/;

interface Handle {
  readonly type: string;
  readonly is_active: boolean;
  readonly localEndpoint?: { readonly port: number } | null;
  readonly remoteEndpoint?: { readonly port: number } | null;
  readonly pid?: number;
}

afterEach(async ({ task }) => {
  const error = task.result?.errors?.find(({ message }) => TIMED_OUT.test(message));
  if (error === undefined) return;
  const sessions = await describeSessions().catch((cause: unknown) => [`unknown: ${String(cause)}`]);
  error.message += [
    '\nThis process waits for:',
    ...describeProcess(),
    'The sessions of PostgreSQL that are not idle:',
    ...sessions,
  ].join('\n  ');
});

/** Requests and timers by their number; connections and processes one by one. */
function describeProcess(): string[] {
  const kinds = Object.entries(Object.groupBy(process.getActiveResourcesInfo(), (kind) => kind));
  const { libuv } = process.report.getReport() as unknown as { readonly libuv: readonly Handle[] };
  const handles = libuv
    .filter(({ type, is_active: isActive }) => isActive && (type === 'tcp' || type === 'process'))
    .map((handle) =>
      handle.type === 'process'
        ? `process ${handle.pid ?? ''}`
        : `connection from ${handle.localEndpoint?.port ?? '?'} to ${handle.remoteEndpoint?.port ?? 'nobody: it listens'}`,
    );
  return [kinds.map(([kind, all = []]) => `${all.length} ${kind}`).join(', '), ...handles];
}

/** Of the server that all files of a project share. One that a file has started itself is not known here. */
async function describeSessions(): Promise<string[]> {
  const url = inject('postgresUrl') as string | undefined;
  if (url === undefined) return ['this project has no server for all of its files'];
  const { Client } = await import('pg');
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ session: string }>(`
      select format('%s from port %s, %s since %s s, waits for %s %s: %s', datname, client_port, state,
        extract(epoch from clock_timestamp() - state_change)::integer, wait_event_type, wait_event, left(query, 200)) as session
      from pg_stat_activity
      where backend_type = 'client backend' and state <> 'idle' and pid <> pg_backend_pid()`);
    return rows.map(({ session }) => session);
  } finally {
    await client.end();
  }
}
