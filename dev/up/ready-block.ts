import type { Endpoints } from './endpoints.ts';

interface ReadyFacts {
  readonly seconds: number;
  readonly endpoints: Endpoints;
  /** Which cluster is watched, in words. */
  readonly cluster: string;
  readonly dataDir: string;
}

/** What a newcomer reads once everything runs: what is where, and what to try. */
export function readyBlock({ seconds, endpoints, cluster, dataDir }: ReadyFacts): string {
  const { api, temporal, temporalUi, kubeconfig, watcher, worker } = endpoints;
  const kubectl = kubeconfig === '' ? 'kubectl' : `kubectl --kubeconfig ${kubeconfig}`;
  return `
remediation-audit is ready (${seconds.toFixed(1)} s)

  REST service   ${api}
  Temporal       ${temporal}, UI ${temporalUi}
  PostgreSQL     connection string in ${dataDir}/endpoints.json
  Cluster        ${cluster}
  Metrics        ${api}/metrics; watcher ${watcher}/metrics; worker ${worker}/metrics
  Data           ${dataDir} (kept; the next start goes on with it)

Try
  the rows       curl '${api}/api/v1/audit/workflow-execution?limit=3'
  the workflows  open ${temporalUi}
  the cluster    ${kubectl} get remediationrequests --all-namespaces
  the gaps       curl '${api}/api/v1/completeness'
  the database   psql "$(node -p "require('${dataDir}/endpoints.json').postgres")" \\
                   -c 'select remediation_id, workflow_name, phase, outcome from workflow_execution_audit limit 5'

Ctrl-C ends everything.

`;
}
