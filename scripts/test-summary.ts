import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `npm run test:summary -- FOLDER`: names every test that failed in vitest's JSON reports of a folder, with the beginning
 * of its reason, and counts the tests of all of them. A log that keeps only its end then still says what failed.
 */
const REASON_LINES = 5;

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly TestFile[];
}

interface TestFile {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages: readonly string[];
  }[];
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('name the folder of the reports: npm run test:summary -- FOLDER');
const reports = readdirSync(folder).map((name) => ({
  name,
  report: JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report,
}));

for (const { name, report } of reports)
  for (const file of report.testResults)
    for (const failure of failuresOf(file))
      process.stdout.write(`failed in ${name}: ${file.name} > ${failure}\n`);

const sum = (count: 'numPassedTests' | 'numFailedTests' | 'numPendingTests'): number =>
  reports.reduce((total, { report }) => total + report[count], 0);
process.stdout.write(
  `${sum('numPassedTests')} passed, ${sum('numFailedTests')} failed, ${sum('numPendingTests')} skipped\n`,
);

/** A file that cannot be loaded has no tests, and a message of its own. */
function failuresOf({ status, message, assertionResults }: TestFile): string[] {
  const failed = assertionResults.filter((test) => test.status === 'failed');
  if (status === 'failed' && failed.length === 0) return [`the file itself: ${beginningOf(message)}`];
  return failed.map(
    ({ fullName, failureMessages }) => `${fullName}: ${beginningOf(failureMessages[0] ?? '')}`,
  );
}

function beginningOf(text: string): string {
  return text.split('\n').slice(0, REASON_LINES).join('\n  ');
}
