import { createAuditClient } from '../../packages/client/src/audit-client.ts';

/** A controller of its own process: keeps records in a spool until it is killed. Arguments: url, folder, first name. */
const [url = '', spoolFolder = '', prefix = ''] = process.argv.slice(2);
const client = await createAuditClient({
  url,
  spoolFolder,
  flushIntervalMs: 20,
  backoffMs: 10,
  timeoutMs: 500,
});
for (let index = 0; ; index += 1) {
  const crd_name = `${prefix}-${index}`;
  await client.record('ai-analysis', { crd_name, crd_namespace: 'prod', investigation_start: new Date(0) });
  // Only what is said here was acknowledged: its record may never be lost.
  process.stdout.write(`${crd_name}\n`);
}
