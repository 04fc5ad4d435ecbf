import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { GoSource } from './catalogue.ts';
import { exists, findProgram } from './lookup.ts';
import { formatSpan } from './progress.ts';
import { outputOf, runStep, type Step } from './run-step.ts';
import { SourceClosed, type SourceContext } from './source.ts';

const BUILD_DEADLINE_MS = 45 * 60_000;
/** Sets variables for one command and leaves the rest of the environment to it. */
const ENV = '/usr/bin/env';
/**
 * How far the compiler lets its memory grow between collections, in per cent of what is in use. Its processes are short:
 * collecting a quarter as often saves a tenth of their work.
 */
const COMPILER_GOGC = 400;
const DOWNLOADING = /^go: downloading /;

interface GoCall {
  go: string;
  folder: string;
  /** Where the compiler keeps what it needs while it runs. Inside `staging`, so that nothing of it can stay behind. */
  workFolder: string;
  flags: readonly string[];
}

/** Builds a program from the Go module proxy. go.sum holds the hash of every module that goes into it. */
export async function build(source: GoSource, context: SourceContext): Promise<void> {
  const folder = join(context.toolsDir, source.folder);
  if (!(await exists(join(folder, 'go.mod')))) throw new SourceClosed(`${folder} has no go.mod`);
  const go = await findProgram(context.goCommand, context.searchPath);
  const remedy = `install Go ${source.goVersion} or newer`;
  if (go === undefined) throw new SourceClosed(`the command ${context.goCommand} is not on PATH`, { remedy });
  const version = (await outputOf(go, ['version'])).replace(/^go version /, '');
  context.progress.say(
    `building from source with ${version}; once, about ${source.minutes} min on two cores`,
  );
  const workFolder = join(context.staging, 'go-work');
  await mkdir(workFolder);
  const call: GoCall = { go, folder, workFolder, flags: buildFlags(source) };
  try {
    const packages = await listPackages(source, context, call);
    await compile(source, context, { call, packages });
  } catch (error: unknown) {
    throw new SourceClosed((error as Error).message, { remedy, cause: error });
  }
  await rm(workFolder, { recursive: true });
}

/** Fetches the modules that are missing and counts the packages that are not in Go's own cache yet. */
async function listPackages(source: GoSource, context: SourceContext, call: GoCall): Promise<number> {
  let fetched = 0;
  let packages = 0;
  context.progress.begin('step 1 of 2: fetching the modules that are missing', () =>
    fetched === 0 ? 'looking at the modules' : `fetching modules, ${fetched} so far`,
  );
  const stale = ['-f', '{{if .Stale}}{{.ImportPath}}{{end}}'];
  await runStep({
    ...goStep('go list', context, call),
    args: [...goArguments(context, call), 'list', '-deps', ...stale, ...call.flags, source.package],
    isProgress: (line) => {
      if (DOWNLOADING.test(line)) fetched += 1;
      else if (isPackage(line)) packages += 1;
      else return false;
      return true;
    },
  });
  return packages;
}

async function compile(
  source: GoSource,
  context: SourceContext,
  { call, packages }: { call: GoCall; packages: number },
): Promise<void> {
  const progress = new CompileProgress(packages);
  context.progress.begin(`step 2 of 2: compiling ${packages} packages and linking them`, () =>
    progress.describe(),
  );
  const output = ['-v', '-o', context.target];
  await runStep({
    ...goStep('go build', context, call),
    args: [...goArguments(context, call), 'build', ...call.flags, ...output, source.package],
    isProgress: (line) => {
      if (!isPackage(line)) return DOWNLOADING.test(line);
      progress.count();
      return true;
    },
  });
}

/** `go build -v` and our `go list` write one import path per line; what goes wrong has spaces or colons in it. */
function isPackage(line: string): boolean {
  return /^[\w./~-]+$/.test(line);
}

function goStep(name: string, context: SourceContext, { folder }: GoCall): Omit<Step, 'args'> {
  return { name, command: ENV, cwd: folder, deadlineMs: BUILD_DEADLINE_MS, signal: context.signal };
}

function goArguments({ offline }: SourceContext, { go, workFolder }: GoCall): string[] {
  // A go.work in a folder above would put its own modules in the place of the pinned ones.
  const settings = [
    'CGO_ENABLED=0',
    'GOWORK=off',
    `GOGC=${COMPILER_GOGC}`,
    `GOTMPDIR=${workFolder}`,
    ...(offline ? ['GOPROXY=off'] : []),
  ];
  return [...settings, go];
}

function buildFlags(source: GoSource): string[] {
  return [
    // Read-only: a build never alters go.mod or go.sum, whatever GOFLAGS of the environment says.
    '-mod=readonly',
    '-trimpath',
    '-buildvcs=false',
    // Notes for a debugger, which the linker would leave out anyway. The program is the same without them.
    '-gcflags=all=-dwarf=false',
    '-ldflags',
    source.ldflags,
  ];
}

/**
 * Packages that all others import are compiled first and are small, so the share of time spent grows slower than the
 * share of packages done. The exponent fits a recorded build of Temporal.
 */
const SHARE_EXPONENT = 1.6;
/** Before that an estimate would swing wildly. */
const ESTIMATE_FROM_SHARE = 0.1;

/** Counts the packages that `go build -v` names, and estimates from them how long the rest takes. */
export class CompileProgress {
  readonly #total: number;
  readonly #startedAt = performance.now();
  #done = 0;

  constructor(total: number) {
    this.#total = total;
  }

  count(): void {
    // One that went from the cache meanwhile is compiled though it was not counted; never say 101 of 100.
    this.#done = Math.min(this.#done + 1, this.#total);
  }

  describe(nowMs = performance.now()): string {
    if (this.#done === this.#total) return `linking, all ${this.#total} packages are compiled`;
    const counted = `compiling, ${this.#done} of ${this.#total} packages`;
    const share = this.#done / this.#total;
    if (share < ESTIMATE_FROM_SHARE) return counted;
    const spentMs = nowMs - this.#startedAt;
    const restMs = spentMs * (share ** -SHARE_EXPONENT - 1);
    return `${counted}, about ${formatSpan(restMs)} left`;
  }
}
