import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseDocument } from 'yaml';

import { type ArchivedFile, bundlePlugin } from './bundle.ts';
import { tarGz } from './tar.ts';

export interface KrewRelease {
  readonly name: string;
  readonly archive: Buffer;
  /** Text of the manifest, with where the archive will be and its SHA-256. */
  readonly manifest: string;
}

/** The archive of the plugin and the manifest that names it. The same commit gives the same bytes on every machine. */
export async function krewRelease(root: string, address: string): Promise<KrewRelease> {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const { name: product, version, license, engines } = JSON.parse(read('package.json')) as PackageFile;
  const files: readonly ArchivedFile[] = [
    ...(await bundlePlugin(root)),
    { path: 'LICENSE', text: read('LICENSE') },
    { path: 'kubectl-remediation', text: read('deploy/krew/kubectl-remediation'), isExecutable: true },
    // Tells the version.
    {
      path: 'package.json',
      text: `${JSON.stringify({ name: product, version, license, engines }, undefined, 2)}\n`,
    },
  ];
  const archive = tarGz(files);
  const name = `kubectl-remediation-v${version}.tar.gz`;
  const manifest = parseDocument(read('deploy/krew/remediation.yaml'));
  const platform = ['spec', 'platforms', 0];
  manifest.setIn([...platform, 'uri'], address === '' ? name : `${address.replace(/\/$/, '')}/${name}`);
  manifest.setIn([...platform, 'sha256'], createHash('sha256').update(archive).digest('hex'));
  manifest.commentBefore = ` Made by \`npm run krew\` of ${product} ${version}.`;
  return { name, archive, manifest: manifest.toString({ lineWidth: 0 }) };
}

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly engines: object;
}
