import { join } from 'node:path';

import type { GoSource } from './catalogue.ts';
import { exists, findProgram } from './lookup.ts';
import { outputOf, runStep } from './run-step.ts';
import { SourceClosed, type SourceContext } from './source.ts';

const BUILD_DEADLINE_MS = 45 * 60_000;
/** Sets variables for one command and leaves the rest of the environment to it. */
const ENV = '/usr/bin/env';

/** Builds a program from the Go module proxy. go.sum holds the hash of every module that goes into it. */
export async function build(source: GoSource, context: SourceContext): Promise<void> {
  const folder = join(context.toolsDir, source.folder);
  if (!(await exists(join(folder, 'go.mod')))) throw new SourceClosed(`${folder} has no go.mod`);
  const go = await findProgram(context.goCommand, context.searchPath);
  const remedy = `install Go ${source.goVersion} or newer`;
  if (go === undefined) throw new SourceClosed(`the command ${context.goCommand} is not on PATH`, { remedy });
  const version = (await outputOf(go, ['version'])).replace(/^go version /, '');
  const what = `building from source with ${version}; once, about ${source.minutes} min on two cores`;
  context.progress.begin(what, () => 'still building');
  try {
    await runStep({
      name: 'go build',
      command: ENV,
      args: [...goEnvironment(context.offline), go, 'build', ...buildFlags(source, context.target)],
      cwd: folder,
      deadlineMs: BUILD_DEADLINE_MS,
    });
  } catch (error: unknown) {
    throw new SourceClosed((error as Error).message, { remedy, cause: error });
  }
}

function goEnvironment(offline: boolean): string[] {
  // A go.work in a folder above would put its own modules in the place of the pinned ones.
  return ['CGO_ENABLED=0', 'GOWORK=off', ...(offline ? ['GOPROXY=off'] : [])];
}

function buildFlags(source: GoSource, target: string): string[] {
  // Read-only: a build never alters go.mod or go.sum, whatever GOFLAGS of the environment says.
  return [
    '-mod=readonly',
    '-trimpath',
    '-buildvcs=false',
    '-ldflags',
    source.ldflags,
    '-o',
    target,
    source.package,
  ];
}
