import { createReadStream } from 'node:fs';

import { readProcessConfig } from '../config/config.ts';
import { UsageError } from '../config/settings.ts';
import { reasonOf } from '../domain/errors.ts';
import { MAX_BODY_BYTES } from '../domain/limits.ts';
import { createCodecEndpoint } from '../temporal/codec-endpoint.ts';
import { createPayloadCodec } from '../temporal/payload-codec.ts';
import { readFlags } from './arguments.ts';

const USAGE = `usage: remediation-audit decode [FILE]

Decodes payloads of Temporal with the keys of REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE, as /codec/decode does, without a service: what it
reads is {"payloads": [{"metadata": {…}, "data": …}]} with base64 values, or one such payload, as a history in JSON has them.
Prints {"payloads": […]} with what was decoded.

  FILE          default: standard input; at most ${MAX_BODY_BYTES / 1024 / 1024} MiB
`;

/** `decode [FILE]`: for whoever has a history of Temporal and no UI with a codec. Bounded as /codec is: a payload may be a bomb. */
export async function runDecode(args: readonly string[], stop: AbortSignal): Promise<void> {
  const { values, positionals } = readFlags(args, { help: { type: 'boolean', short: 'h' } });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  const [file, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`one file is taken, not ${positionals.length}\n\n${USAGE}`);
  const body = bodyOf(await readBounded(file), file ?? 'standard input');
  const { payloads } = readProcessConfig().temporal;
  // What is not encrypted is shown as it is: to refuse it is the business of whoever acts on it.
  const endpoint = createCodecEndpoint(createPayloadCodec({ ...payloads, requireEncryption: false }));
  const { text } = await endpoint.decode(body, stop);
  for (const piece of text) process.stdout.write(piece);
  process.stdout.write('\n');
}

async function readBounded(file: string | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of file === undefined ? process.stdin : createReadStream(file)) {
    const read = Buffer.from(chunk as Buffer);
    bytes += read.length;
    if (bytes > MAX_BODY_BYTES)
      throw new Error(`there are more than ${MAX_BODY_BYTES} bytes to decode; give fewer payloads at once`);
    chunks.push(read);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The body of a codec server. One payload stands for a list of itself. */
function bodyOf(text: string, source: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error: unknown) {
    throw new Error(`${source} is not JSON: ${reasonOf(error)}; \`decode --help\` shows what is read`, {
      cause: error,
    });
  }
  const isPayload = typeof body === 'object' && body !== null && 'data' in body && !('payloads' in body);
  return isPayload ? { payloads: [body] } : body;
}
