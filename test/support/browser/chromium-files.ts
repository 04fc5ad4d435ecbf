import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { cacheDir } from '../servers.ts';

/** Chromium as it lies on this machine. */
export interface ChromiumFiles {
  readonly executable: string;
  /** Its process finds fonts through this, also on a machine that has none. */
  readonly env: Readonly<Record<string, string>>;
}

const PACKAGE = '@sparticuz/chromium';
const UNPACK = `import(${JSON.stringify(PACKAGE)}).then((unpacker) => unpacker.default.executablePath())`;

/**
 * Chromium out of its npm package, unpacked once for each version. The package unpacks into the folder for temporary files
 * and takes whatever lies there for complete, so a process of its own does it in a new folder, which gets its name when
 * everything is there: several runs may begin at the same time.
 */
export async function chromiumFiles(): Promise<ChromiumFiles> {
  const folder = join(cacheDir, 'chromium', await installedVersion());
  const files = { executable: join(folder, 'chromium'), env: { FONTCONFIG_PATH: join(folder, 'fonts') } };
  if (await exists(files.executable)) return files;
  await mkdir(dirname(folder), { recursive: true });
  const unpacked = await mkdtemp(`${folder}-`);
  try {
    const env = { ...process.env, TMPDIR: unpacked };
    await promisify(execFile)(process.execPath, ['--eval', UNPACK], { cwd: here(), env });
    await writeFile(join(unpacked, 'fonts', 'fonts.conf'), fontsConfiguration(folder));
    await rename(unpacked, folder).catch(async (error: unknown) => {
      // Another run was faster.
      if (!(await exists(files.executable))) throw error;
    });
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
  return files;
}

/** Fonts of the machine first; the one that the package brings where there are none. */
function fontsConfiguration(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>${folder}/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
</fontconfig>
`;
}

async function installedVersion(): Promise<string> {
  const path = findPackageJSON(PACKAGE, import.meta.url);
  if (path === undefined) throw new Error(`${PACKAGE} is not installed; run npm ci`);
  return (JSON.parse(await readFile(path, 'utf8')) as { version: string }).version;
}

const here = (): string => dirname(fileURLToPath(import.meta.url));

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** vitest's global setup: no test waits while another one unpacks. */
export default async function unpackChromium(): Promise<void> {
  await chromiumFiles();
}
