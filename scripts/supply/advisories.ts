import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const DEADLINE_MS = 120_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** What a release does not go out with. */
const GRAVE = ['high', 'critical'] as const;

export type AdvisoryResult =
  | { readonly status: 'answered'; readonly grave: readonly string[]; readonly lesser: number }
  /** The registry has no advisories, or is out of reach: nothing is known, good or bad. */
  | { readonly status: 'unknown'; readonly reason: string };

interface Audit {
  readonly vulnerabilities?: Readonly<
    Record<string, { readonly severity: string; readonly range: string; readonly via: readonly unknown[] }>
  >;
  readonly message?: string;
  readonly error?: { readonly summary?: string; readonly detail?: string };
}

/** Asks the registry what is known of the locked production dependencies, by `npm audit`. */
export async function findAdvisories(root: string, registry?: string): Promise<AdvisoryResult> {
  const args = ['audit', '--omit=dev', '--json', '--fetch-retries=0'];
  const output = await runNpm(root, registry === undefined ? args : [...args, `--registry=${registry}`]);
  const audit = parseAudit(output);
  if (audit?.vulnerabilities === undefined)
    return { status: 'unknown', reason: reasonOf(audit) ?? `npm audit says: ${output.slice(0, 500)}` };
  const found = Object.entries(audit.vulnerabilities);
  const grave = found.filter(([, { severity }]) => GRAVE.some((name) => name === severity));
  return {
    status: 'answered',
    grave: grave.map(([name, { severity, range, via }]) => `${name} ${range}: ${severity}${titlesOf(via)}`),
    lesser: found.length - grave.length,
  };
}

/** npm ends with an error when it found something, and says what on stdout all the same. */
async function runNpm(cwd: string, args: readonly string[]): Promise<string> {
  const options = { cwd, timeout: DEADLINE_MS, maxBuffer: MAX_OUTPUT_BYTES };
  try {
    return (await promisify(execFile)('npm', args, options)).stdout;
  } catch (error: unknown) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string };
    return [stdout, stderr, message].find((text) => text !== undefined && text.trim() !== '') ?? '';
  }
}

function parseAudit(output: string): Audit | undefined {
  try {
    return JSON.parse(output) as Audit;
  } catch {
    // What npm printed instead of JSON is the reason, and is shown as it is.
    return undefined;
  }
}

function reasonOf(audit: Audit | undefined): string | undefined {
  const { message, error } = audit ?? {};
  const said = [message, error?.summary, error?.detail].filter((text) => text !== undefined && text !== '');
  return said.length === 0 ? undefined : said.join('; ');
}

/** An advisory of the package itself; a text names the package through which it is affected. */
function titlesOf(via: readonly unknown[]): string {
  const titles = via.map((one) =>
    typeof one === 'object' && one !== null && 'title' in one ? String(one.title) : `through ${String(one)}`,
  );
  return titles.length === 0 ? '' : ` (${titles.join('; ')})`;
}
