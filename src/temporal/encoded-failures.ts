import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Puts messages and stack traces of failures where the payload codec encrypts them; otherwise they are plain text in
 * Temporal whatever the keys. Loaded by path, also into the workflow bundle, under this name.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
