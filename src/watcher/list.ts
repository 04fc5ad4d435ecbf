import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject, parseJson } from '../domain/json.ts';
import { at, textAt } from '../kubernaut/resource.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import { statusError } from './api-error.ts';

const LIST_DEADLINE_MS = 60_000;

export interface ListPage {
  readonly items: readonly JsonObject[];
  /** Version of the whole list: where a watch starts. */
  readonly resourceVersion: string;
}

/** All pages of one consistent list. The version is the same on every page. */
export async function* listPages(
  connection: ClusterConnection,
  path: string,
  pageSize: number,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  let token: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(pageSize), ...(token ? { continue: token } : {}) });
    const body = await getJson(connection, `${path}?${query.toString()}`, signal);
    const items = at(body, 'items');
    yield {
      items: Array.isArray(items) ? items.filter(isJsonObject) : [],
      resourceVersion: textAt(body, 'metadata.resourceVersion') ?? '',
    };
    token = textAt(body, 'metadata.continue');
  } while (token !== undefined);
}

async function getJson(connection: ClusterConnection, path: string, signal: AbortSignal): Promise<JsonValue> {
  const operation = `list ${path.split('?')[0] ?? path}`;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(LIST_DEADLINE_MS)]);
  const { statusCode, body } = await connection.get(path, deadline);
  const text = await body.text();
  if (statusCode >= 400) throw statusError(operation, parseErrorBody(text), statusCode);
  return parseJson(text);
}

/** A proxy in between may answer with anything; its words then stand in for the reason. */
export function parseErrorBody(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch {
    return { message: text.slice(0, 200) };
  }
}
