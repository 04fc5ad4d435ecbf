/**
 * Writes the SHA-256 of every release file into dev/tools/downloads.sha256, as the publishers' checksum files say them now.
 * Changes nothing and fails where one of them cannot be had.
 */
import { fileURLToPath } from 'node:url';

import { CATALOGUE, SERVER_NAMES } from '../dev/servers/find/catalogue.ts';
import { collectPins, PINS_FILE, writePins } from '../dev/servers/find/pinned-downloads.ts';

const TOOLS = fileURLToPath(new URL('../dev/tools', import.meta.url));
const DEADLINE_MS = 20_000;

async function fetchText(url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status} ${answer.statusText}`);
  return answer.text();
}

const sources = SERVER_NAMES.flatMap((name) =>
  CATALOGUE[name].sources.filter((source) => source.kind === 'download'),
);
const { pins, missing } = await collectPins(sources, fetchText);
if (missing.length === 0) {
  await writePins(TOOLS, pins);
  process.stdout.write(`${pins.size} release files are pinned in dev/tools/${PINS_FILE}\n`);
} else {
  process.stderr.write(
    `cannot pin the release files; dev/tools/${PINS_FILE} is as it was:\n${missing.join('\n')}\n` +
      'Run it where these addresses can be reached.\n',
  );
  process.exitCode = 1;
}
