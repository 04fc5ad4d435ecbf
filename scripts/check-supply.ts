/**
 * What the product is made of: licences against the list of those that are allowed, known vulnerabilities where the registry
 * answers, and a list of all packages as CycloneDX in dist/sbom.cdx.json. Fails with what has to be changed.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { findAdvisories } from './supply/advisories.ts';
import { licenceFaults, productionPackages } from './supply/production-packages.ts';
import { createSbom } from './supply/sbom.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SBOM = 'dist/sbom.cdx.json';

const { values } = parseArgs({ options: { registry: { type: 'string' } } });
const product = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly name: string;
  readonly version: string;
  readonly license: string;
};
const packages = productionPackages(ROOT);
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

mkdirSync(join(ROOT, 'dist'), { recursive: true });
writeFileSync(join(ROOT, SBOM), createSbom(product, packages));
say(`SBOM: ${packages.length} packages in ${SBOM}`);

const faults = licenceFaults(packages);
if (faults.length === 0) say('licences: all are on the list');
else {
  say(`licences: not on the list of scripts/supply/production-packages.ts:\n  ${faults.join('\n  ')}`);
  process.exitCode = 1;
}

const advisories = await findAdvisories(ROOT, values.registry);
if (advisories.status === 'unknown') {
  say(`known vulnerabilities: NOT CHECKED, the registry does not answer: ${advisories.reason}`);
} else if (advisories.grave.length === 0) {
  say(`known vulnerabilities: none that is high or critical; ${advisories.lesser} lesser`);
} else {
  say(`known vulnerabilities, high or critical:\n  ${advisories.grave.join('\n  ')}`);
  process.exitCode = 1;
}
