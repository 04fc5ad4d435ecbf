import { createHash, createHmac } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { request } from 'undici';

import { startServer, untilReady } from '../../dev/servers/process/child-process.ts';
import { findFreePort } from '../../dev/servers/process/ports.ts';
import { resolveServer } from './servers.ts';

/** An S3 server that checks signatures and checksums, with versions and object lock. */
export interface Versitygw extends AsyncDisposable {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** A request signed with these or, to see it refused, other keys. Path style: `/bucket/key`. */
  send(request: S3Request): Promise<S3Answer>;
  stop(): Promise<void>;
  /** SIGKILL; what it stored stays. */
  kill(): Promise<void>;
  /** Starts it again, at the same address, after a kill. */
  restart(): Promise<void>;
}

export interface S3Request {
  method: 'GET' | 'PUT' | 'DELETE' | 'HEAD';
  path: string;
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  secretAccessKey?: string;
}

export interface S3Answer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: string;
}

const REGION = 'us-east-1';
const SERVICE = 's3';
const HOST = '127.0.0.1';
const READY_DEADLINE_MS = 110_000;
const ANSWER_DEADLINE_MS = 10_000;
const ACCESS_KEY_ID = 'remediation-audit-test';
const SECRET_ACCESS_KEY = 'a-secret-for-tests-only';

/** Starts it with a folder of its own, which goes with it. `users` may do what the policies of buckets say, and nothing else. */
export async function startVersitygw({
  users = [],
}: { readonly users?: readonly string[] } = {}): Promise<Versitygw> {
  const command = await resolveServer('versitygw');
  const folder = await mkdtemp(join(tmpdir(), 'versitygw-test-'));
  const [objects, versions, metadata] = ['objects', 'versions', 'metadata'].map((name) => join(folder, name));
  for (const path of [objects, versions, metadata]) await mkdir(path ?? '');
  const accounts = join(folder, 'accounts');
  await mkdir(accounts);
  const known = users.map((access) => [access, { access, secret: SECRET_ACCESS_KEY, role: 'user' }] as const);
  await writeFile(
    join(accounts, 'users.json'),
    JSON.stringify({ accessAccounts: Object.fromEntries(known) }),
  );
  const port = await findFreePort();
  const host = `${HOST}:${port}`;
  const launch = () =>
    startServer({
      name: 'versitygw',
      command,
      args: [
        ...['--port', host, '--region', REGION, '--access', ACCESS_KEY_ID, '--secret', SECRET_ACCESS_KEY],
        ...(users.length === 0 ? [] : ['--iam-dir', accounts]),
        // Metadata beside the objects: not every folder for temporary files has extended attributes.
        ...['posix', '--versioning-dir', versions ?? '', '--sidecar', metadata ?? '', objects ?? ''],
      ],
    });
  let server = launch();
  const send = (wanted: S3Request): Promise<S3Answer> => sendSigned(host, wanted);
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const answers = async (): Promise<boolean> => (await send({ method: 'GET', path: '/' })).status === 200;
  const untilItAnswers = () =>
    untilReady(server, answers, { deadlineMs: READY_DEADLINE_MS, what: 'cannot start the S3 server' });
  try {
    await untilItAnswers();
  } catch (error: unknown) {
    await stop();
    throw error;
  }
  return {
    endpoint: `http://${host}`,
    region: REGION,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    send,
    stop,
    kill: async () => {
      server.signal('SIGKILL');
      await server.exited;
    },
    restart: async () => {
      server = launch();
      await untilItAnswers();
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function sendSigned(host: string, wanted: S3Request): Promise<S3Answer> {
  const query = canonicalQuery(wanted.query ?? {});
  const { statusCode, headers, body } = await request(`http://${host}${wanted.path}${query && `?${query}`}`, {
    method: wanted.method,
    headers: sign(host, wanted),
    signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
    ...(wanted.body === undefined ? {} : { body: wanted.body }),
  });
  return { status: statusCode, headers, body: await body.text() };
}

/** AWS Signature Version 4 over every header we send. */
function sign(host: string, wanted: S3Request): Record<string, string> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const headers: Record<string, string> = {
    ...lowerCased(wanted.headers ?? {}),
    host,
    'x-amz-content-sha256': sha256(wanted.body ?? ''),
    'x-amz-date': time,
  };
  const names = Object.keys(headers).sort();
  const signedHeaders = names.join(';');
  const canonicalRequest = [
    wanted.method,
    wanted.path,
    canonicalQuery(wanted.query ?? {}),
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim()}`),
    '',
    signedHeaders,
    headers['x-amz-content-sha256'],
  ].join('\n');
  const day = time.slice(0, 8);
  const scope = `${day}/${REGION}/${SERVICE}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest)].join('\n');
  const key = [day, REGION, SERVICE, 'aws4_request'].reduce<string | Buffer>(
    (previous, part) => hmac(previous, part),
    `AWS4${wanted.secretAccessKey ?? SECRET_ACCESS_KEY}`,
  );
  const signature = hmac(key, toSign).toString('hex');
  const credential = `Credential=${ACCESS_KEY_ID}/${scope}`;
  headers['authorization'] =
    `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}

function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.keys(query)
    .sort()
    .map((name) => `${encodeURIComponent(name)}=${encodeURIComponent(query[name] ?? '')}`)
    .join('&');
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
