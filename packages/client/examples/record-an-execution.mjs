// Records one execution: node record-an-execution.mjs http://127.0.0.1:8085 "$(cat .data/api-token)"
import { createAuditClient, RecordRefusedError } from 'remediation-audit-client';

const [url = 'http://127.0.0.1:8085', token] = process.argv.slice(2);
const client = await createAuditClient({
  url,
  token,
  spoolFolder: 'audit-spool',
  onRefused: (error) => console.error(error.message),
  onRetry: (reason) => console.error(`the audit service is away: ${reason}`),
});

try {
  // On disk when this resolves: the reconciliation need not wait for the service, and nothing is lost if either is killed.
  await client.record('kubernetes-execution', {
    execution_id: 'scale-api-1',
    remediation_id: 'rr-4f1c22ab90de-1a2b3c4d',
    workflow_ref: 'we-rr-4f1c22ab90de-1a2b3c4d',
    action_type: 'scale_deployment',
    target_namespace: 'payments',
    target_resource_kind: 'Deployment',
    target_resource_name: 'api',
    success: true,
    start_time: new Date('2026-11-21T10:41:00Z'),
    duration: '3m30s',
  });
} catch (error) {
  if (!(error instanceof RecordRefusedError)) throw error;
  for (const { pointer, detail } of error.fields) console.error(`${pointer} ${detail}`);
}

await client.close();
console.log(`${client.pending} records wait`);
