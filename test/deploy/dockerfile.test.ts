import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

import { describe, expect, test } from 'vitest';

import { VARIABLES } from '../../src/config/variables.ts';
import { createIgnore, type Instruction, parseDockerfile, type Stage } from '../support/dockerfile.ts';
import { programFlags, repositoryPath } from '../support/repository.ts';

interface Package {
  name: string;
  version: string;
  license: string;
  bin: Record<string, string>;
  files: string[];
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
}

interface LockedPackage {
  dev?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
}

const readText = (path: string) => readFileSync(repositoryPath(path), 'utf8');
const readJson = (path: string): unknown => JSON.parse(readText(path));

const manifest = readJson('package.json') as Package;
const locked = Object.entries(
  (readJson('package-lock.json') as { packages: Record<string, LockedPackage> }).packages,
)
  .filter(([path]) => path !== '')
  .map(([path, entry]) => ({
    name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    ...entry,
  }));

const stages = parseDockerfile(readText('Dockerfile'));
const image = stages.at(-1);
if (image === undefined) throw new Error('the Dockerfile has no stage');
const isIgnored = createIgnore(readText('.dockerignore'));

const instructions = (stage: Stage, keyword: string) =>
  stage.instructions.filter((one) => one.keyword === keyword);
const everywhere = (keyword: string) => stages.flatMap((stage) => instructions(stage, keyword));
const only = (stage: Stage, keyword: string): Instruction => {
  const [first, ...others] = instructions(stage, keyword);
  if (first === undefined || others.length > 0)
    throw new Error(`stage ${stage.name} has not exactly one ${keyword}`);
  return first;
};
const contextSources = everywhere('COPY')
  .filter((copy) => copy.flags['from'] === undefined)
  .flatMap((copy) => copy.words.slice(0, -1));

describe('the base image', () => {
  test('is the same in every stage, pinned, small, with glibc', () => {
    expect(new Set(stages.map((stage) => stage.image))).toEqual(new Set([stages[0]?.image]));
    expect(stages[0]?.image).toMatch(/^node:[0-9]+\.[0-9]+\.[0-9]+-bookworm-slim@sha256:[0-9a-f]{64}$/);
  });

  test('has the Node version the tests run on', () => {
    const version = manifest.devDependencies['node'];
    expect(stages[0]?.image.split('@')[0]).toBe(`node:${version ?? 'not in package.json'}-bookworm-slim`);
    expect(process.version).toBe(`v${version ?? ''}`);
  });
});

describe('what is copied', () => {
  test('exists in the repository', () => {
    expect(contextSources.filter((source) => !existsSync(repositoryPath(source)))).toEqual([]);
    expect(contextSources).toContain('package-lock.json');
  });

  test('is let through by .dockerignore, and nothing else is', () => {
    expect(contextSources.filter(isIgnored)).toEqual([]);
    const letThrough = readText('.dockerignore')
      .match(/^!.+$/gm)
      ?.map((line) => line.slice(1));
    expect(letThrough?.toSorted()).toEqual([...new Set(contextSources)].toSorted());
    expect(
      ['.git/config', '.data/postgres', 'node_modules/pg/package.json', 'test'].filter(
        (path) => !isIgnored(path),
      ),
    ).toEqual([]);
  });

  test('comes from earlier stages, out of folders they make', () => {
    const { compilerOptions } = readJson('tsconfig.build.json') as { compilerOptions: { outDir: string } };
    const made: Record<string, string[]> = {};
    for (const stage of stages) {
      const workdir = only(stage, 'WORKDIR').text;
      for (const copy of instructions(stage, 'COPY').filter((one) => one.flags['from'] !== undefined)) {
        expect(made[copy.flags['from'] ?? '']).toContain(copy.words[0]);
      }
      const run = instructions(stage, 'RUN')
        .map((one) => one.text)
        .join('\n');
      made[stage.name] = [
        ...(run.includes('npm ci') ? [posix.join(workdir, 'node_modules')] : []),
        ...(run.includes('npm run build') ? [posix.join(workdir, compilerOptions.outDir)] : []),
      ];
    }
  });

  test('is all that an installed package has at run time', () => {
    const workdir = only(image, 'WORKDIR').text;
    const targets = instructions(image, 'COPY').flatMap((copy) => {
      const target = copy.words.at(-1) ?? '';
      const sources = copy.words.slice(0, -1);
      return target.endsWith('/')
        ? sources.map((source) => posix.join(workdir, target, source))
        : [posix.join(workdir, target)];
    });
    // Reading matter, and the recipes by which `up` builds servers: neither is of use to a process in a container.
    const notInTheImage = ['docs', 'tools', 'examples'];
    const folders = manifest.files.filter((entry) => !entry.startsWith('!'));
    const shipped = folders.filter((folder) => !notInTheImage.includes(folder));
    expect(shipped).toEqual(['dist', 'migrations']);
    for (const needed of ['package.json', 'node_modules', ...shipped]) {
      expect(targets).toContain(posix.join(workdir, needed));
    }
  });
});

describe('what is run', () => {
  test('are npm scripts that exist', () => {
    const scripts = everywhere('RUN').flatMap((run) =>
      [...run.text.matchAll(/npm run (\S+)/g)].map((match) => match[1]),
    );
    expect(scripts).toEqual(['build']);
    expect(Object.keys(manifest.scripts)).toEqual(expect.arrayContaining(scripts));
  });

  test('starts the program of package.json, built from a source that exists', () => {
    const program = manifest.bin[manifest.name] ?? '';
    expect(only(image, 'ENTRYPOINT').words).toEqual([
      'node',
      ...programFlags(),
      posix.join(only(image, 'WORKDIR').text, program),
    ]);
    expect(existsSync(repositoryPath(program.replace(/^dist\//, 'src/').replace(/\.js$/, '.ts')))).toBe(true);
  });

  test('is not root, by number, from the last step that changes files on', () => {
    const user = only(image, 'USER');
    expect(user.text).toMatch(/^[1-9][0-9]*:[1-9][0-9]*$/);
    const after = image.instructions.slice(image.instructions.indexOf(user) + 1).map((one) => one.keyword);
    expect(after).toContain('ENTRYPOINT');
    expect(after.filter((keyword) => ['RUN', 'COPY', 'ADD', 'USER'].includes(keyword))).toEqual([]);
  });
});

describe('what is left out of the image', () => {
  const productionInstall = everywhere('RUN').find((run) => run.text.includes('--omit=dev'))?.text ?? '';

  test('are development dependencies, and optional ones that are known', () => {
    expect(productionInstall).toContain('npm ci --omit=dev --ignore-scripts');
    expect(productionInstall).toContain('rm -rf node_modules/@swc/core-*');
    // A new native package would arrive as an optional dependency of its platform: somebody has to say whether it is needed.
    const known = /^(@duckdb\/node-bindings-|@swc\/core-|pg-cloudflare$)/;
    expect(
      locked.filter((one) => one.optional === true && one.dev !== true && !known.test(one.name)),
    ).toEqual([]);
  });

  test('are install scripts, none of which its packages are allowed to run anyway', () => {
    const wanting = locked.filter(
      (one) => one.hasInstallScript === true && one.dev !== true && one.optional !== true,
    );
    expect(wanting.map((one) => one.name)).toContain('protobufjs');
    expect(wanting.filter((one) => manifest.allowScripts[one.name] !== false)).toEqual([]);
  });
});

describe('what the image says about itself', () => {
  test('are the name, version and licence of package.json', () => {
    expect(only(image, 'LABEL').words).toEqual(
      expect.arrayContaining([
        `org.opencontainers.image.title=${manifest.name}`,
        `org.opencontainers.image.version=${manifest.version}`,
        `org.opencontainers.image.licenses=${manifest.license}`,
      ]),
    );
  });

  test('are the ports of the configuration', () => {
    const ports = Object.entries(VARIABLES).filter(([, variable]) => variable.unit === 'port');
    expect(only(image, 'EXPOSE').words.toSorted()).toEqual(
      ports.map(([, variable]) => variable.default).toSorted(),
    );
  });
});

describe('the parser', () => {
  test('joins continued lines, drops comments between them, and reads flags and JSON', () => {
    const text =
      '# top\nFROM a:1 AS x\nRUN one \\\n  # why\n  && two\nCOPY --from=x --chown=1:1 "a b" c\nCMD ["d", "e f"]\n';
    const [stage] = parseDockerfile(text);
    expect(stage).toMatchObject({ name: 'x', image: 'a:1' });
    expect(stage?.instructions.map(({ keyword, words }) => [keyword, ...words])).toEqual([
      ['RUN', 'one', '&&', 'two'],
      ['COPY', 'a b', 'c'],
      ['CMD', 'd', 'e f'],
    ]);
    expect(stage?.instructions[1]?.flags).toEqual({ from: 'x', chown: '1:1' });
  });

  test('refuses what it would misread', () => {
    expect(() => parseDockerfile('FROM ${BASE}\n')).toThrow('does not resolve');
    expect(() => parseDockerfile('FROM a\nRUN <<EOF\n')).toThrow('heredocs');
    expect(() => parseDockerfile('RUN a\n')).toThrow('before the first FROM');
    expect(() => parseDockerfile('FROM a\nRUN b \\\n')).toThrow('nothing follows');
    expect(() => createIgnore('**/*.md')).toThrow('does not know the pattern');
  });
});
