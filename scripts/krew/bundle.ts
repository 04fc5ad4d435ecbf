import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type OutputChunk, rolldown } from 'rolldown';

/** Oldest syntax that is parsed: that of the oldest Node of package.json. */
const TARGET = 'es2023';

/** A file of the archive. */
export interface ArchivedFile {
  readonly path: string;
  readonly text: string;
  readonly isExecutable?: boolean;
}

/**
 * The plugin with all that it imports as a few modules, and the licences of the packages in them. The modules are readable: who
 * installs them can see what they do. They lie as deep as in the npm package, because the program finds its package.json from
 * there. No path of the machine is in them: the same sources give the same bytes in any folder.
 */
export async function bundlePlugin(root: string): Promise<readonly ArchivedFile[]> {
  const bundle = await rolldown({
    input: join(root, 'src/kubectl-remediation.ts'),
    cwd: root,
    platform: 'node',
    tsconfig: false,
    transform: { target: TARGET },
    // Comments with paths of modules, which depend on where the packages lie.
    experimental: { attachDebugInfo: 'none' },
    onLog(level, { message }) {
      if (level === 'warn') throw new Error(`bundling the plugin: ${message}`);
    },
  });
  const { output } = await bundle.generate({
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name].mjs',
    comments: { legal: true, jsdoc: false, annotation: false },
  });
  await bundle.close();
  const chunks = output.filter((one): one is OutputChunk => one.type === 'chunk');
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds);
  return [
    ...chunks.map(({ fileName, code }) => ({ path: `lib/plugin/${fileName}`, text: code })),
    { path: 'third-party-licences.txt', text: licencesOf(modules) },
  ];
}

const FOLDER = '/node_modules/';

/** What MIT, ISC and the others ask for: their text beside the code. */
function licencesOf(modules: readonly string[]): string {
  const folders = new Set(modules.flatMap((id) => packageFolder(id) ?? []));
  const texts = [...folders].map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      readonly name: string;
      readonly version: string;
      readonly license?: string;
    };
    const text = licenceText(folder);
    if (license === undefined && text === undefined) throw new Error(`${name} ${version} names no licence`);
    const named = `${name} ${version}, ${license ?? 'as follows'}`;
    return `${named}\n\n${text ?? 'The package has no file with the text of its licence.'}\n`;
  });
  return texts.toSorted((one, other) => (one < other ? -1 : 1)).join(`\n${'-'.repeat(80)}\n\n`);
}

function packageFolder(id: string): string | undefined {
  const at = id.lastIndexOf(FOLDER);
  if (at === -1) return undefined;
  const [first = '', second = ''] = id.slice(at + FOLDER.length).split('/');
  return id.slice(0, at + FOLDER.length) + (first.startsWith('@') ? `${first}/${second}` : first);
}

function licenceText(folder: string): string | undefined {
  const file = readdirSync(folder)
    .toSorted()
    .find((one) => /^(?:licen[cs]e|copying)(?:\.|$|-)/i.test(one));
  return file === undefined ? undefined : readFileSync(join(folder, file), 'utf8').trim();
}
