import { Connection, isGrpcServiceError } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';

/** Value types of search attributes, as the dev server spells them, with their numbers on the wire. */
const ATTRIBUTE_TYPES = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
} as const;

/** Registered when missing, also on state made before they existed. */
export type WantedAttributes = Readonly<Record<string, keyof typeof ATTRIBUTE_TYPES>>;

export const CALL_DEADLINE_MS = 5_000;
/** The dev server keeps closed workflows for one day; a newcomer wants to look at last week's. */
const RETENTION = '30d';
const GRPC_NOT_FOUND = 5;
const GRPC_ALREADY_EXISTS = 6;

/** Retention and search attributes of a namespace that exists. */
export async function prepareNamespace(
  address: string,
  namespace: string,
  wanted: WantedAttributes,
): Promise<void> {
  await withConnection(address, async ({ workflowService, operatorService }) => {
    const workflowExecutionRetentionTtl = msToTs(RETENTION);
    await workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
    // The dev server registers attributes only with a namespace it makes, so an upgrade on old state must add its own.
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = Object.entries(wanted).filter(([name]) => customAttributes[name] === undefined);
    if (missing.length === 0) return;
    const searchAttributes = Object.fromEntries(missing.map(([name, type]) => [name, ATTRIBUTE_TYPES[type]]));
    await operatorService.addSearchAttributes({ namespace, searchAttributes });
  });
}

/**
 * True once the part of the server that holds the workflows answers. The frontend answers for namespaces before that,
 * and after a restart, or on a busy machine, by more than what a client's retries bridge.
 */
export async function answersForWorkflows(address: string, namespace: string): Promise<boolean> {
  return withConnection(address, async ({ workflowService }) => {
    try {
      const execution = { workflowId: 'nobody-starts-this-workflow' };
      await workflowService.describeWorkflowExecution({ namespace, execution });
    } catch (error: unknown) {
      if (!isGrpcServiceError(error) || (error.code as number) !== GRPC_NOT_FOUND) throw error;
    }
    return true;
  });
}

/** A server with a database of its own begins without any namespace. True when it exists. */
export async function registerNamespace(address: string, namespace: string): Promise<boolean> {
  return withConnection(address, async ({ workflowService }) => {
    try {
      const workflowExecutionRetentionPeriod = msToTs(RETENTION);
      await workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
    } catch (error: unknown) {
      if (!isGrpcServiceError(error) || (error.code as number) !== GRPC_ALREADY_EXISTS) throw error;
    }
    await workflowService.describeNamespace({ namespace });
    return true;
  });
}

export async function withConnection<T>(
  address: string,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await Connection.connect({ address, connectTimeout: CALL_DEADLINE_MS });
  try {
    return await connection.withDeadline(Date.now() + CALL_DEADLINE_MS, () => use(connection));
  } finally {
    await connection.close();
  }
}
