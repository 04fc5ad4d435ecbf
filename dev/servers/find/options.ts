import type { Catalogue, Platform, ServerName } from './catalogue.ts';
import type { ProgressOutput } from './progress.ts';

export interface BinaryResolverOptions extends ProgressOutput {
  /** Where servers are kept between runs. Every user of the machine may have one. */
  cacheDir: string;
  /**
   * Servers the user brings along; an empty path is none. Each must be the pinned version, and nothing else is tried in
   * its place.
   */
  explicitPaths: Partial<Record<ServerName, string>>;
  /** PATH: where the pinned version may be installed already, and where `go` and `python3` are looked for. */
  searchPath: string;
  /** Ends a download or a build at once; whoever waits for it gets `ObtainingStopped`. Default: never. */
  signal?: AbortSignal;
  /** Use nothing from the network. Default false. */
  offline?: boolean;
  /**
   * Believe the publisher's own checksum of a download that the repository has no SHA-256 of. Default false: it is refused.
   */
  allowUnpinned?: boolean;
  /** Default `go`. */
  goCommand?: string;
  /** Folder of the pinned modules. Default `tools` of this package. */
  toolsDir?: string;
  /** How long a download site may take to accept a connection, in milliseconds. Default 5,000. */
  connectDeadlineMs?: number;
  /** How long another process may be busy with a server before we give up, in milliseconds. Default one hour. */
  lockDeadlineMs?: number;
  /** Where release files are fetched from in place of the publisher's site: a mirror. */
  downloadBaseUrls?: Partial<Record<ServerName, string>>;
  /** Which servers there are and how to come by them. Default: the pinned ones. */
  catalogue?: Catalogue;
  /** Default: this machine. */
  platform?: Platform;
}
