import { ScheduleNotFoundError } from '@temporalio/client';

import { wantedSchedules } from '../services/maintenance.ts';
import type { TemporalClient } from '../temporal/connection.ts';
import { connectTemporalOnce, probeTemporal, TemporalUnreachableError } from '../temporal/connection.ts';
import { MAINTENANCE_QUEUE, RECORDING_QUEUE } from '../temporal/identifiers.ts';
import { isPolled } from '../temporal/recording-pollers.ts';
import { readSearchAttributes } from '../temporal/search-attributes.ts';
import type { Check, Outcome } from './check.ts';
import { ok, wrong } from './check.ts';
import type { Examined } from './examined.ts';

/** Below the limit of a check. */
const CALL_DEADLINE_MS = 9_000;
/**
 * The server describes a schedule by a query to a workflow of its own. Where the worker that had it last is busy, it waits
 * five seconds for that one before it asks any other: together that can be more than the ten seconds of a check.
 */
const SCHEDULE_LIMIT_MS = 20_000;
const SCHEDULE_DEADLINE_MS = 19_000;
const NAMESPACE = 'temporal namespace';
/** What a call that fails behind the check of the namespace needs. */
const REMEDY = 'check what TEMPORAL_API_KEY or the client certificate may do in this namespace';

/** The server, its namespace, the search attributes, the schedules, and the workers. */
export function temporalChecks(examined: Examined): readonly Check[] {
  const { temporal } = examined.config;
  const { address = 'localhost:7233' } = temporal.connectionOptions;
  const connected = connectTemporalOnce(temporal);
  examined.closing.push(connected.close);
  const server = `temporal ${address}`;
  return [
    {
      name: server,
      remedy: 'check TEMPORAL_ADDRESS and that the server is up',
      run: () => unlessUnreachable(() => probeTemporal(temporal), 'answers'),
    },
    {
      name: NAMESPACE,
      after: [server],
      remedy: REMEDY,
      run: () =>
        unlessUnreachable(async () => {
          const describe = () =>
            connected.connection.workflowService.describeNamespace({ namespace: temporal.namespace });
          await connected.connection
            .withDeadline(Date.now() + CALL_DEADLINE_MS, describe)
            .catch((error: unknown) => {
              throw new TemporalUnreachableError(temporal, error);
            });
        }, temporal.namespace),
    },
    searchAttributeCheck(connected, temporal.namespace),
    ...wantedSchedules(examined.config).map(({ id }) => scheduleCheck(connected, id)),
    workerCheck(connected, RECORDING_QUEUE, 'nothing that is observed is recorded'),
    workerCheck(connected, MAINTENANCE_QUEUE, 'no month is made, compared or archived'),
  ];
}

/** What Temporal says when it refuses names what to do about it. */
async function unlessUnreachable(call: () => Promise<void>, found: string): Promise<Outcome> {
  try {
    await call();
    return ok(found);
  } catch (error: unknown) {
    if (error instanceof TemporalUnreachableError) return wrong(error.reason, error.remedy);
    throw error;
  }
}

function searchAttributeCheck({ connection }: TemporalClient, namespace: string): Check {
  return {
    name: 'search attributes',
    after: [NAMESPACE],
    remedy: REMEDY,
    run: async () => {
      const { missing, others } = await readSearchAttributes(connection, namespace);
      if (others.length > 0)
        return wrong(
          `${others.join(', ')} are of another type than keyword`,
          'remove them with `temporal operator search-attribute remove`, and restart `watch`, which makes them',
        );
      if (missing.length === 0) return ok('all are there');
      return wrong(
        `the namespace has no ${missing.join(', ')}`,
        'restart `watch`, which makes them, or make them with `temporal operator search-attribute create --type Keyword`',
      );
    },
  };
}

function scheduleCheck({ client }: TemporalClient, id: string): Check {
  return {
    name: `schedule ${id}`,
    after: [NAMESPACE],
    limitMs: SCHEDULE_LIMIT_MS,
    remedy: REMEDY,
    run: async () => {
      try {
        const { state } = await client.withDeadline(Date.now() + SCHEDULE_DEADLINE_MS, () =>
          client.schedule.getHandle(id).describe(),
        );
        if (!state.paused) return ok('is there and not paused');
        const note = state.note === undefined || state.note === '' ? '' : `: ${state.note}`;
        return wrong(
          `it is paused${note}`,
          `\`temporal schedule toggle --unpause --schedule-id ${id} --reason …\``,
        );
      } catch (error: unknown) {
        if (!(error instanceof ScheduleNotFoundError)) throw error;
        return wrong('it is not there', 'start `work` with the maintenance queue, which makes it');
      }
    },
  };
}

function workerCheck({ client }: TemporalClient, queue: string, meanwhile: string): Check {
  return {
    name: `workers of ${queue}`,
    after: [NAMESPACE],
    remedy: REMEDY,
    run: async () =>
      (await isPolled(client, queue))
        ? ok('one or more poll it')
        : wrong(
            `no worker polls it, so ${meanwhile}`,
            'start `work`, and check its REMEDIATION_AUDIT_WORKER_QUEUES, TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE',
          ),
  };
}
