/**
 * Prepares every real server the tests need, one after the other, so that the suites find a warm cache.
 * With names as arguments only those.
 */
import { SERVER_NAMES, type ServerName } from '../dev/servers/find/resolver.ts';
import { resolveServer } from '../test/support/servers.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !isServerName(name));
if (unknown.length > 0) {
  process.stderr.write(`no such server: ${unknown.join(', ')}; there are ${SERVER_NAMES.join(', ')}\n`);
  process.exit(2);
}

let failed = 0;
for (const name of wanted.length > 0 ? wanted.filter(isServerName) : SERVER_NAMES) {
  try {
    process.stdout.write(`${name}: ${await resolveServer(name)}\n`);
  } catch (error: unknown) {
    failed += 1;
    process.stderr.write(`${(error as Error).message}\n`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;

function isServerName(name: string): name is ServerName {
  return (SERVER_NAMES as readonly string[]).includes(name);
}
