import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A package that an installation of the product may have: of every platform, without what only development needs. */
export interface ProductionPackage {
  /** Its folder below the repository, as the lock file names it. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** SPDX expression; undefined when neither the lock file nor the package says one. */
  readonly license: string | undefined;
  /** Subresource integrity: algorithm and base64. */
  readonly integrity: string | undefined;
  readonly isOptional: boolean;
}

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly link?: boolean;
}

const FOLDER = 'node_modules/';

const nameAt = (path: string): string => path.slice(path.lastIndexOf(FOLDER) + FOLDER.length);

/** Sorted by path, so that what is made of them is the same each time. */
export function productionPackages(root: string): readonly ProductionPackage[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional, link }]) => path.includes(FOLDER) && !dev && !devOptional && !link)
    .map(([path, locked]) => ({
      path,
      name: nameAt(path),
      version: locked.version ?? '',
      license:
        locked.license ??
        licenseInside(join(root, path)) ??
        READ_IN_FILE[`${nameAt(path)}@${locked.version ?? ''}`],
      integrity: locked.integrity,
      isOptional: locked.optional === true,
    }))
    .sort((left, right) => (left.path < right.path ? -1 : 1));
}

/** Packages whose manifest names no licence, and what the file LICENSE in them is. */
const READ_IN_FILE: Readonly<Record<string, string>> = { 'unionfs@4.6.0': 'Unlicense' };

/** Old packages say it in forms that the lock file does not repeat. */
function licenseInside(folder: string): string | undefined {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return undefined;
  const { license, licenses } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    readonly license?: string | { readonly type?: string };
    readonly licenses?: readonly { readonly type?: string }[];
  };
  if (typeof license === 'string') return license;
  const types = [license, ...(licenses ?? [])].flatMap((entry) => entry?.type ?? []);
  return types.length === 0 ? undefined : types.join(' OR ');
}

/** Licences that let the product be used and passed on under its own. */
const ALLOWED: ReadonlySet<string> = new Set([
  ...['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC-BY-4.0', 'CC0-1.0', 'ISC'],
  ...['MIT', 'MIT-0', 'PSF-2.0', 'Python-2.0', 'Unlicense', 'Zlib'],
]);

/** One line for each package whose licence is none of the allowed. */
export function licenceFaults(packages: readonly ProductionPackage[]): readonly string[] {
  return packages
    .filter(({ license }) => license === undefined || !isAllowed(license))
    .map(({ name, version, license }) => `${name} ${version}: ${license ?? 'it names no licence'}`);
}

/** Of `A OR B` one suffices, of `A AND B` all are needed; AND binds closer, and what is nested is for a person to read. */
function isAllowed(expression: string): boolean {
  const flat = expression.trim().replace(/^\((.*)\)$/, '$1');
  return flat.split(' OR ').some((choice) => choice.split(' AND ').every((id) => ALLOWED.has(id.trim())));
}
