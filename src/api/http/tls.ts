import { createSecureContext } from 'node:tls';

import type { Logger } from '../../observability/logger.ts';
import { watchFiles } from './watched-files.ts';

export interface TlsFiles {
  readonly certificatePath: string;
  readonly keyPath: string;
  /** How often they are checked, in milliseconds. Default 10,000. */
  readonly pollMs?: number;
}

/** A pair that works together, as PEM text. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate that is followed as it is renewed. */
interface Tls {
  current(): Certificate;
  /** Called with each new pair that works; one that does not is logged, and the old one stays. */
  onChange(use: (certificate: Certificate) => void): void;
  close(): void;
}

/**
 * Reads certificate and key and follows them as they are renewed. Throws when they do not work to begin with:
 * a service that was to speak TLS never starts without it.
 */
export async function openTls({ certificatePath, keyPath, pollMs }: TlsFiles, logger: Logger): Promise<Tls> {
  const files = await watchFiles([certificatePath, keyPath], pollMs);
  let certificate = readCertificate(files.current());
  let use: ((certificate: Certificate) => void) | undefined;
  files.onChange((texts) => {
    try {
      certificate = readCertificate(texts);
      use?.(certificate);
      logger.info({ certificatePath }, 'the TLS certificate was renewed');
    } catch (error: unknown) {
      // Certificate and key are two files: between the two writes they do not fit, and the next check finds both.
      logger.warn(
        { err: error, certificatePath },
        'the new TLS certificate does not work; the old one stays',
      );
    }
  });
  return {
    current: () => certificate,
    onChange: (callback) => {
      use = callback;
    },
    close: files.close,
  };
}

/** Throws when the two texts, certificate and key, do not work together. */
export function readCertificate([cert = '', key = '']: readonly string[]): Certificate {
  // An empty text, as it stands there while a file is being written, counts as no certificate at all and would pass.
  if (cert === '' || key === '') throw new Error('certificate or key is empty');
  createSecureContext({ cert, key });
  return { cert, key };
}
