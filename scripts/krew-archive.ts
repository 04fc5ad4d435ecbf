/**
 * Builds what krew installs of `kubectl remediation`: an archive and the manifest that names it, in dist/krew. `--address` is the
 * folder on the web where the archive will be; without it the manifest is good for `kubectl krew install --manifest … --archive …`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { krewRelease } from './krew/archive.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const FOLDER = 'dist/krew';

const { values } = parseArgs({ options: { address: { type: 'string', default: '' } } });
if (values.address !== '' && !/^https:\/\/[^\s?#]+$/.test(values.address)) {
  process.stderr.write('--address takes the https address of the folder in which the archive will be\n');
  process.exit(2);
}
const { name, archive, manifest } = await krewRelease(ROOT, values.address);
mkdirSync(join(ROOT, FOLDER), { recursive: true });
writeFileSync(join(ROOT, FOLDER, name), archive);
writeFileSync(join(ROOT, FOLDER, 'remediation.yaml'), manifest);
process.stdout.write(`${FOLDER}/${name}: ${archive.length} bytes\n${FOLDER}/remediation.yaml\n`);
