/**
 * `temporal operator namespace create` and `temporal operator search-attribute create`, as docs/install.md writes them: the
 * flags of the Temporal CLI, checked strictly, and the same calls to the same server.
 */
import { parseArgs } from 'node:util';

import { Connection } from '@temporalio/client';

const KEYWORD = 2;
const SECONDS_PER_DAY = 86_400;
const [, , operator, subject, verb, ...flags] = process.argv;
if (operator !== 'operator' || verb !== 'create')
  throw new Error(`unknown command ${process.argv.slice(2).join(' ')}`);
const { values } = parseArgs({
  args: flags,
  options: {
    address: { type: 'string' },
    namespace: { type: 'string' },
    ...(subject === 'namespace'
      ? { retention: { type: 'string' } }
      : { name: { type: 'string', multiple: true }, type: { type: 'string', multiple: true } }),
  },
}) as {
  values: { address: string; namespace: string; retention?: string; name?: string[]; type?: string[] };
};

const connection = await Connection.connect({ address: values.address });
try {
  if (subject === 'namespace') await createNamespace(values.namespace, values.retention ?? '');
  else await createAttributes(values.namespace, values.name ?? [], values.type ?? []);
} finally {
  await connection.close();
}

async function createNamespace(namespace: string, retention: string): Promise<void> {
  const days = /^(\d+)d$/.exec(retention)?.[1];
  if (days === undefined) throw new Error(`a retention such as 30d, not ${retention}`);
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: (Number(days) * SECONDS_PER_DAY) as never },
  });
}

async function createAttributes(namespace: string, names: string[], types: string[]): Promise<void> {
  if (names.length !== types.length || types.some((type) => type !== 'Keyword'))
    throw new Error('each --name needs a --type Keyword');
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(names.map((name) => [name, KEYWORD])),
  });
}
