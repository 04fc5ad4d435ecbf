import type { Connection } from '@temporalio/client';

import { reasonOf } from '../domain/errors.ts';
import { SEARCH_ATTRIBUTE_NAMES } from '../domain/search-attributes.ts';
import type { Logger } from '../observability/logger.ts';

const CALL_DEADLINE_MS = 10_000;

/** Keyword, as the API numbers the types of search attributes. */
const KEYWORD = 2;

/**
 * Registers the search attributes that the namespace lacks, and gives the names of those that can be used. A namespace
 * where that is not permitted works as well: its workflows then lack the attributes, which is said once.
 */
export async function prepareSearchAttributes(
  connection: Connection,
  namespace: string,
  logger: Logger,
): Promise<readonly string[]> {
  try {
    const { missing, usable, others } = await readSearchAttributes(connection, namespace);
    const registered = await registerAttributes(connection, namespace, missing).catch((error: unknown) => {
      warn(logger, missing, error);
      return [];
    });
    if (others.length > 0) warn(logger, others, new Error('they exist, and are not of type keyword'));
    return [...usable, ...registered];
  } catch (error: unknown) {
    // They only help to search. What they would say is in the id, the summary and the memo too.
    warn(logger, SEARCH_ATTRIBUTE_NAMES, error);
    return [];
  }
}

interface SearchAttributeState {
  readonly missing: readonly string[];
  readonly usable: readonly string[];
  /** They exist, with another type than keyword. */
  readonly others: readonly string[];
}

/** Which of our search attributes the namespace has. */
export async function readSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<SearchAttributeState> {
  const known = await listAttributes(connection, namespace);
  const missing = SEARCH_ATTRIBUTE_NAMES.filter((name) => known[name] === undefined);
  const usable = SEARCH_ATTRIBUTE_NAMES.filter((name) => known[name] === KEYWORD);
  const others = SEARCH_ATTRIBUTE_NAMES.filter((name) => ![...missing, ...usable].includes(name));
  return { missing, usable, others };
}

async function listAttributes(
  connection: Connection,
  namespace: string,
): Promise<Readonly<Record<string, number>>> {
  const { customAttributes } = await connection.withDeadline(Date.now() + CALL_DEADLINE_MS, () =>
    connection.operatorService.listSearchAttributes({ namespace }),
  );
  return customAttributes;
}

async function registerAttributes(
  connection: Connection,
  namespace: string,
  names: readonly string[],
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const searchAttributes = Object.fromEntries(names.map((name) => [name, KEYWORD]));
  await connection.withDeadline(Date.now() + CALL_DEADLINE_MS, () =>
    connection.operatorService.addSearchAttributes({ namespace, searchAttributes }),
  );
  return names;
}

function warn(logger: Logger, names: readonly string[], error: unknown): void {
  const reason = reasonOf(error);
  logger.warn(
    { attributes: names, reason },
    'workflows go without these search attributes; register them as keywords to search by them',
  );
}
