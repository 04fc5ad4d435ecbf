import type { Platform } from './catalogue.ts';
import type { Progress } from './progress.ts';

/** What every way to obtain a server is given. It fills `staging`; only a complete folder is moved into the cache. */
export interface SourceContext {
  /** An empty folder that becomes the cache entry. */
  staging: string;
  /** Where the program belongs, inside `staging`. */
  target: string;
  platform: Platform;
  toolsDir: string;
  searchPath: string;
  goCommand: string;
  connectDeadlineMs: number;
  downloadBaseUrl: string | undefined;
  offline: boolean;
  /** Whether a download that the repository has no hash of may be believed for the publisher's own checksum. */
  allowUnpinned: boolean;
  /** Ends the work at once. */
  signal: AbortSignal | undefined;
  progress: Progress;
}

/** This way is closed here: no network, no Go, no release for this platform. The message says which. */
export class SourceClosed extends Error {
  /** What a user can do to open it. */
  readonly remedy: string | undefined;
  constructor(message: string, options: { remedy?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'SourceClosed';
    this.remedy = options.remedy;
  }
}
