import { UsageError } from '../../config/settings.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { ApiClient } from '../connection/api-client.ts';
import { ApiError } from '../connection/api-client.ts';
import { objectsIn, textAt, unsearchedMonths } from './answers.ts';

/** The address of one remediation, of which all commands about it are below. */
export interface RemediationAddress {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** Of a name that more than one remediation has these are named. */
const MOST_CANDIDATES = 20;

export function addressText({ cluster, namespace, name }: RemediationAddress): string {
  return [cluster, namespace, name].join('/');
}

export function pathOf({ cluster, namespace, name }: RemediationAddress): string {
  return `/api/v1/remediations/${[cluster, namespace, name].map(encodeURIComponent).join('/')}`;
}

/** `NAME`, `NAMESPACE/NAME` or `CLUSTER/NAMESPACE/NAME` of a RemediationRequest. */
export function readAddress(command: string, positionals: readonly string[]): Partial<RemediationAddress> {
  const [text = '', ...others] = positionals;
  const parts = text.split('/');
  if (others.length > 0 || parts.length > 3 || parts.includes(''))
    throw new UsageError(
      `${command} needs one remediation, as NAME, NAMESPACE/NAME or CLUSTER/NAMESPACE/NAME; \`kubectl remediation list\` shows which there are`,
    );
  const [name = '', namespace, cluster] = parts.toReversed();
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(cluster === undefined ? {} : { cluster }),
  };
}

/** The one remediation that is meant; of those with one name in one namespace the service takes the newest. */
export async function findAddress(
  client: ApiClient,
  { cluster, namespace, name = '' }: Partial<RemediationAddress>,
  targetNamespace: string | undefined,
): Promise<RemediationAddress> {
  if (cluster !== undefined && namespace !== undefined) return { cluster, namespace, name };
  const page = await client.get('/api/v1/remediations', {
    remediation_id: name,
    namespace,
    target_namespace: targetNamespace,
    limit: String(MOST_CANDIDATES),
  });
  const found = new Map(
    objectsIn(page['items'])
      .map(addressOf)
      .map((one) => [addressText(one), one]),
  );
  const [only, ...others] = found.values();
  if (only === undefined) throw new ApiError(nothingCalled(name, targetNamespace, page), 404);
  if (others.length > 0)
    throw new ApiError(
      `several remediations are called ${name}: ${[...found.keys()].join(', ')}; name one of these`,
    );
  return only;
}

export function addressOf(record: JsonObject): RemediationAddress {
  return {
    cluster: textAt(record, 'cluster') ?? '',
    namespace: textAt(record, 'namespace') ?? '',
    name: textAt(record, 'remediation_id') ?? '',
  };
}

function nothingCalled(name: string, namespace: string | undefined, page: JsonObject): string {
  const where = namespace === undefined ? '' : ` of a target in namespace ${namespace}`;
  const elsewhere = namespace === undefined ? '' : ', and -A searches all namespaces';
  const months = unsearchedMonths(page);
  const left = months === '' ? '' : ` (not searched: ${months})`;
  return `no remediation ${name}${where} is recorded${left}; \`kubectl remediation list\` shows which there are${elsewhere}`;
}
