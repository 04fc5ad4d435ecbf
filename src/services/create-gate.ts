import type { Gate } from '../api/auth/gate.ts';
import { createOpenGate } from '../api/auth/gate.ts';
import { createKubernetesGate } from '../api/auth/kubernetes-gate.ts';
import { createTokenGate } from '../api/auth/token-gate.ts';
import type { Config } from '../config/config.ts';
import { connectCluster } from '../kubernetes/cluster-connection.ts';
import type { Logger } from '../observability/logger.ts';

/** Who may call the API, by the configured mode. */
export async function createGate({ api, kubernetes }: Config, logger: Logger): Promise<Gate> {
  switch (api.authMode) {
    case 'none':
      return createOpenGate();
    case 'token':
      return createTokenGate(api.tokensFile, logger);
    case 'kubernetes':
      return createKubernetesGate({ reviewer: connectCluster(kubernetes), audiences: api.audiences, logger });
  }
}
