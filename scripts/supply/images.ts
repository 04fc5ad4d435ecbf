import { createHash } from 'node:crypto';

/** One reference to an image of somebody else: `pgvector/pgvector:0.8.5-pg18-bookworm@sha256:…`. */
export interface ImageReference {
  /** As it stands in the file. */
  readonly text: string;
  /** With the registry's own path: `library/node`. */
  readonly repository: string;
  readonly tag: string;
  /** Undefined: whoever moves the tag decides what runs. */
  readonly digest: string | undefined;
}

const OURS = 'remediation-audit';
const REFERENCE =
  /^(?:FROM|\s+image:)\s+(?<text>(?<name>[a-z0-9][a-z0-9./-]*):(?<tag>[\w.-]+)(?:@(?<digest>sha256:[0-9a-f]{64}))?)(?=\s|$)/gm;

/** The images that a Dockerfile begins with, or that a compose file runs, without our own. */
export function imageReferences(file: string): readonly ImageReference[] {
  return [...file.matchAll(REFERENCE)].flatMap(({ groups }) => readReference(groups) ?? []);
}

/** The file with each reference as the digests say; one that they do not know stays as it is. */
export function withDigests(file: string, digests: ReadonlyMap<string, string>): string {
  return file.replaceAll(REFERENCE, (line: string, ...captures: unknown[]) => {
    const reference = readReference(captures.at(-1) as Groups);
    const digest = reference && digests.get(`${reference.repository}:${reference.tag}`);
    if (reference === undefined || digest === undefined) return line;
    const [tagged = ''] = reference.text.split('@');
    return line.replace(reference.text, `${tagged}@${digest}`);
  });
}

type Groups = Readonly<Record<string, string>> | undefined;

function readReference(groups: Groups = {}): ImageReference | undefined {
  const { text = '', name = '', tag = '', digest } = groups;
  if (name === OURS) return undefined;
  return { text, repository: name.includes('/') ? name : `library/${name}`, tag, digest };
}

/** The index of all platforms: a digest of one platform alone would not run on the others. */
const INDEX_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');
const DEADLINE_MS = 20_000;

/** What the registry says a tag is now. Computed from the bytes of the index, not taken from a header. */
export async function digestOf(
  registry: string,
  { repository, tag }: Pick<ImageReference, 'repository' | 'tag'>,
): Promise<string> {
  const url = `${registry}/v2/${repository}/manifests/${tag}`;
  const ask = (token?: string): Promise<Response> =>
    fetch(url, {
      headers: { accept: INDEX_TYPES, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  const first = await ask();
  const challenge = first.status === 401 ? first.headers.get('www-authenticate') : null;
  const answer = challenge === null ? first : await ask(await anonymousToken(challenge));
  if (!answer.ok) throw new Error(`${url} answers ${answer.status} ${answer.statusText}`);
  const type = answer.headers.get('content-type') ?? '';
  if (!INDEX_TYPES.includes(type)) throw new Error(`${url} is ${type}, which is no index of platforms`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** `Bearer realm="…",service="…",scope="…"`: where whoever has no account gets the right to read. */
async function anonymousToken(challenge: string): Promise<string> {
  const fields = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const url = new URL(fields.get('realm') ?? '');
  for (const name of ['service', 'scope']) url.searchParams.set(name, fields.get(name) ?? '');
  const answer = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
  if (!answer.ok) throw new Error(`${url.origin} gives no token: ${answer.status} ${answer.statusText}`);
  const { token } = (await answer.json()) as { readonly token?: string };
  if (token === undefined) throw new Error(`${url.origin} answers without a token`);
  return token;
}
