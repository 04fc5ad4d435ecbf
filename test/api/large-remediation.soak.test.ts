import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { MAX_ANSWER_BYTES } from '../../src/domain/limits.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { until } from '../support/until.ts';
import { type RunningProgram, startProgram } from '../support/up.ts';

const STARTED = /"url":"([^"]+)","msg":"started"/;
const ENTRIES = 1_000;
const ENTRY_BYTES = 200_000;
const RECORDS = 100;
const MEBI = 1024 * 1024;
/**
 * Heap of the process, which begins with some 60 MiB: all of the ledger is 190 MiB of text. With so little garbage is collected
 * before the next answer, so that what the process holds is what an answer takes.
 */
const HEAP_FLAGS = ['--max-old-space-size=128'];
/** Measured: 50 MiB, buffers of the connections included. Without bounds 830 MiB, where the heap has room for them. */
const MAX_GROWTH_BYTES = 120 * MEBI;
const DEADLINE_MS = 120_000;

const uid = randomUUID();
const name = `rr-${uid.slice(0, 8)}`;
const path = `/api/v1/remediations/test/payments/${name}`;

let database: TestDatabase;
let service: RunningProgram;

beforeAll(async () => {
  database = await createTestDatabase();
  const columns = { remediation_id: name, remediation_uid: uid, namespace: 'payments' };
  await createRecordStore(database.writer).record([
    executionObservation({ table: 'remediation_audit', key: naturalKey(uid), phase: 'progress', columns }),
    ...Array.from({ length: RECORDS }, (_, index) =>
      executionObservation({
        key: naturalKey(`${uid}-${index}`),
        columns: { ...columns, workflow_name: `w-${index}`, failure_message: 'm'.repeat(ENTRY_BYTES) },
      }),
    ),
  ]);
  // What a controller that writes its status once a second leaves of one resource.
  await database.owner.query(
    `insert into audit_ledger
       (record_id, created_at, source_version, content_hash, observed_at, table_name, cluster, remediation_uid, phase, actor,
        canonical, salt, payload_hash, leaf_hash)
     select entry.record_id, entry.created_at, 1000 + number, sha256(number::text::bytea), entry.observed_at + number * interval '1 s',
       entry.table_name, entry.cluster, entry.remediation_uid, entry.phase, entry.actor,
       format('{"columns":{"text":"%s"}}', repeat('x', $2::integer)), entry.salt, entry.payload_hash, entry.leaf_hash
     from audit_ledger as entry cross join generate_series(1, $1::integer) as number
     where entry.table_name = 'remediation_audit'`,
    [ENTRIES, ENTRY_BYTES],
  );
  service = startProgram(['serve'], {
    env: {
      DATABASE_URL: database.url('audit_writer'),
      DATABASE_READER_URL: database.url('audit_reader'),
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      REMEDIATION_AUDIT_API_PORT: '0',
    },
    flags: HEAP_FLAGS,
  });
  await until(
    () => STARTED.test(service.output()),
    () => `serve has started; it said ${service.output()}`,
  );
}, DEADLINE_MS);
afterAll(async () => {
  service.child.kill('SIGKILL');
  await service.exited;
  await database.close();
});

async function textOf(address: string): Promise<string> {
  const answer = await fetch(`${STARTED.exec(service.output())?.[1] ?? ''}${address}`);
  const text = await answer.text();
  expect(answer.status, text.slice(0, 1_000)).toBe(200);
  return text;
}

async function residentBytes(): Promise<number> {
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(await textOf('/metrics'))?.[1]);
}

interface LeftOut {
  readonly what: string;
  readonly given: number;
  readonly next: readonly string[];
}
interface Page {
  readonly items: readonly { readonly source_version: number; readonly workflow_name: string }[];
  readonly next_cursor: string | null;
}
interface View {
  readonly is_complete: boolean;
  readonly left_out: readonly LeftOut[];
  readonly timeline: Page['items'];
  readonly workflow_executions: Page['items'];
}

/** All items behind the end of a list of the view. */
async function restOf(view: View, what: string): Promise<Page['items']> {
  const [address = ''] = view.left_out.find((one) => one.what === what)?.next ?? [];
  const items = [];
  for (
    let cursor: string | null = new URL(address, 'http://x').searchParams.get('cursor');
    cursor !== null;
  ) {
    const next = new URL(address, 'http://x');
    next.searchParams.set('cursor', cursor);
    const text = await textOf(`${next.pathname}${next.search}`);
    expect(text.length).toBeLessThan(MAX_ANSWER_BYTES * 1.5);
    const page = JSON.parse(text) as Page;
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  return items;
}

describe('a remediation with a thousand ledger entries of 200 KB', { timeout: DEADLINE_MS }, () => {
  test('does not take its size in memory, whichever answer is asked for', async () => {
    const { items } = JSON.parse(await textOf(`/api/v1/remediations?remediation_uid=${uid}`)) as {
      items: { id: string }[];
    };
    const addresses = [
      `${path}?view=full`,
      path,
      `${path}/timeline`,
      `${path}/ledger?limit=2000`,
      `/api/v1/audit/remediation/${items[0]?.id ?? ''}/history`,
    ];
    const before = await residentBytes();
    let largest = before;
    for (const address of [...addresses, ...addresses]) {
      const { length } = await textOf(address);
      expect(length, address).toBeLessThan(4 * MAX_ANSWER_BYTES);
      largest = Math.max(largest, await residentBytes());
    }
    process.stdout.write(`answers about it take ${Math.round((largest - before) / MEBI)} MiB\n`);
    expect(largest - before).toBeLessThan(MAX_GROWTH_BYTES);
  });

  test('is answered within bounds, and says what it left out and where the rest is', async () => {
    const text = await textOf(`${path}?view=full`);
    expect(text.length).toBeLessThan(4 * MAX_ANSWER_BYTES);
    const view = JSON.parse(text) as View;
    expect(view.is_complete).toBe(false);
    expect(view.left_out.map(({ what }) => what)).toEqual(['workflow_executions', 'timeline']);
    expect(view.left_out.map(({ given }) => given)).toEqual([
      view.workflow_executions.length,
      view.timeline.length,
    ]);
    const executions = [...view.workflow_executions, ...(await restOf(view, 'workflow_executions'))];
    expect(new Set(executions.map((one) => one.workflow_name)).size).toBe(RECORDS);
    expect(executions).toHaveLength(RECORDS);
    const entries = [...view.timeline, ...(await restOf(view, 'timeline'))];
    expect(entries).toHaveLength(1 + RECORDS + ENTRIES);
    const later = entries.map((entry) => entry.source_version).filter((version) => version > 1_000);
    expect(later).toEqual(Array.from({ length: ENTRIES }, (_, index) => 1_001 + index));
  });
});
