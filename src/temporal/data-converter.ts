import { fileURLToPath } from 'node:url';

import type { DataConverter } from '@temporalio/common';

import type { PayloadOptions } from './payload-codec.ts';
import { createPayloadCodec } from './payload-codec.ts';

/** `.ts` in the source tree, `.js` in the built package. */
const EXTENSION = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
const ENCODED_FAILURES_PATH = fileURLToPath(new URL(`./encoded-failures${EXTENSION}`, import.meta.url));

/** Workers and clients must have the same one: what one of them writes the others read. */
export function createDataConverter(options: PayloadOptions): DataConverter {
  return {
    payloadCodecs: [createPayloadCodec(options)],
    ...(options.keys.length === 0 ? {} : { failureConverterPath: ENCODED_FAILURES_PATH }),
  };
}
