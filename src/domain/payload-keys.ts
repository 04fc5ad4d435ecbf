/** A key for payloads in Temporal: 32 bytes as base64, under a name that travels with what it encrypted. */
export interface PayloadKey {
  readonly id: string;
  readonly secret: string;
}

class PayloadKeysError extends Error {
  readonly line: number;

  constructor(line: number, problem: string) {
    super(`line ${line} ${problem}`);
    this.name = 'PayloadKeysError';
    this.line = line;
  }
}

const KEY_ID = /^[\w.-]{1,64}$/;
const BASE64_OF_32_BYTES = /^[A-Za-z0-9+/]{43}=$/;

/**
 * Reads a file of keys: one a line, its name, white space, 32 bytes as base64; lines that begin with `#` say something to
 * people. The first key encrypts, all of them decrypt: to rotate, put a new one on top.
 */
export function parsePayloadKeys(text: string): readonly PayloadKey[] {
  const keys: PayloadKey[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [id = '', secret = '', ...rest] = line.split(/\s+/);
    // The line itself is never shown: it holds a secret.
    if (rest.length > 0 || !KEY_ID.test(id)) throw new PayloadKeysError(index + 1, 'is not `name base64`');
    if (!BASE64_OF_32_BYTES.test(secret)) throw new PayloadKeysError(index + 1, 'is not 32 bytes as base64');
    if (keys.some((key) => key.id === id)) throw new PayloadKeysError(index + 1, `repeats the name ${id}`);
    keys.push({ id, secret });
  }
  return keys;
}
