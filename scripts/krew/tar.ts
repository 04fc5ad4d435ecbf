import { constants, gzipSync } from 'node:zlib';

import type { ArchivedFile } from './bundle.ts';

/*
 * A compressed tar archive that depends on nothing but the names and texts of its files: no time, no user, no order of a folder.
 * In the form of POSIX ustar, which every tar reads.
 */

const BLOCK = 512;
const NAME_BYTES = 100;
/** Header of gzip: the byte that names the operating system that compressed. 255 is none. */
const GZIP_SYSTEM = 9;

export function tarGz(files: readonly ArchivedFile[]): Buffer {
  const sorted = files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  const blocks = sorted.flatMap((file) => {
    const content = Buffer.from(file.text);
    return [header(file, content.length), content, Buffer.alloc(padding(content.length))];
  });
  const compressed = gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]), {
    level: constants.Z_BEST_COMPRESSION,
  });
  compressed[GZIP_SYSTEM] = 255;
  return compressed;
}

const padding = (length: number): number => (BLOCK - (length % BLOCK)) % BLOCK;

function header({ path, isExecutable = false }: ArchivedFile, length: number): Buffer {
  if (Buffer.byteLength(path) > NAME_BYTES) throw new Error(`${path} is too long a name for the archive`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, offset: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), offset);
  };
  block.write(path, 0);
  octal(isExecutable ? 0o755 : 0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(length, 124, 11);
  octal(0, 136, 11);
  // Type 0 is a file; the checksum is taken with blanks in its place.
  block.write('        0', 148);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  octal(sum, 148, 6);
  block.write('\u0000 ', 154);
  return block;
}
