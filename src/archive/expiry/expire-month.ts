import { join } from 'node:path';

import type pg from 'pg';

import type { Hold } from '../../database/holds/holds.ts';
import { listHolds } from '../../database/holds/holds.ts';
import { withMaintenanceClient } from '../../database/maintenance.ts';
import type { DueTerms } from '../../database/months/due-step.ts';
import { isDue, requireDue, StepNotDueError } from '../../database/months/due-step.ts';
import type { MonthRow } from '../../database/months/month-states.ts';
import {
  changeMonth,
  expireUnlessHeld,
  MonthMovedError,
  selectMonth,
} from '../../database/months/month-states.ts';
import { planMonth } from '../../database/months/retention-plan.ts';
import { instantOf } from '../../domain/instant.ts';
import type { ArchiveContext } from '../archive-context.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { withWorkspace } from '../parquet/duckdb.ts';
import { listObjects } from '../store/archive-objects.ts';
import { ObjectHeldError } from '../store/object-store.ts';
import { findHeldRows } from './held-rows.ts';

/*
 * The room `archive/expiry`: what may leave the store, and what must not.
 *
 * In: a month whose time in the archive is over, the objects of interrupted exports, and the holds of the database.
 * Out: removed objects, a manifest that says who removed them, and legal holds on the objects of the store.
 *
 * `store-holds.ts` carries the holds of the database to the store, `held-rows.ts` finds the archived rows that a hold is about,
 * `remove-orphans.ts` removes objects that no manifest names.
 *
 * What must stay true: a hold on any record of a month keeps all of its objects. The removal is recorded before an object goes.
 */

/**
 * Removes the archive of a month whose time is over, by the plan of this moment: its days, the approval where one is required,
 * and the holds, whoever asks for it. Decided once and for all in the database, where holds are; then a manifest says who removed
 * what, when and why, so that the chain stays whole and nobody takes the gap for a loss; then the objects go. A hold, or a lock of
 * the store, on any of them keeps all of them.
 */
export async function expireMonth(context: ArchiveContext, month: string): Promise<'expired' | 'held'> {
  const { ownerUrl: connectionString, lockTimeoutMs } = context;
  return withMaintenanceClient({ connectionString, lockTimeoutMs }, async (client) => {
    const row = await selectMonth(client, month);
    const decision = await planMonth(client, month, termsOf(context));
    if (row === undefined || decision === undefined) throw new StepNotDueError(month, 'expire', decision);
    // An attempt before this one was killed between its commit and its answer.
    if (row.expiredAt !== null && row.state === 'expired') return 'expired';
    if (decision.action === 'held' && row.state === 'dropped') return 'held';
    if (!isDue('expire', decision)) throw new StepNotDueError(month, 'expire', decision);
    return removeArchive(context, client, row);
  });
}

async function removeArchive(
  context: ArchiveContext,
  client: pg.ClientBase,
  row: MonthRow,
): Promise<'expired' | 'held'> {
  const objects = await listObjects(context.store, row.month);
  if (row.state === 'dropped' && (await decide(context, client, row, objects)) === 'held') return 'held';
  await certifyRemoval(context, client, row, objects);
  await removeAll(context, objects);
  await changeMonth(client, row.month, 'remove');
  await context.reached?.('removed');
  return 'expired';
}

async function decide(
  context: ArchiveContext,
  client: pg.ClientBase,
  row: MonthRow,
  objects: readonly string[],
): Promise<'expired' | 'held'> {
  const holds = await listHolds(client);
  if (await isKept(context, row, holds, objects)) return 'held';
  await context.reached?.('examined');
  await expireUnlessHeld(client, row.month, {
    examinedHolds: holds.map(({ id }) => id),
    requireDue: () => requireDue(client, row.month, 'expire', termsOf(context)),
  });
  await context.reached?.('expired');
  return 'expired';
}

function termsOf({ rules, nowMs = Date.now }: ArchiveContext): DueTerms {
  return { rules, now: instantOf(nowMs()) };
}

async function removeAll({ store, reached }: ArchiveContext, objects: readonly string[]): Promise<void> {
  for (const key of objects) {
    await store.remove(key);
    await reached?.('object-removed');
  }
}

async function isKept(
  { store, chain, workFolder }: ArchiveContext,
  { manifest }: MonthRow,
  holds: readonly Hold[],
  objects: readonly string[],
): Promise<boolean> {
  if (holds.length > 0 && manifest !== null) {
    const { parts } = (await chain.read(manifest)).manifest;
    const touching = await withWorkspace(workFolder, ({ folder, duckdb }) =>
      findHeldRows(holds, parts, { store, duckdb, path: join(folder, 'held.parquet') }),
    );
    if (touching.size > 0) return true;
  }
  for (const key of objects) {
    const holder = await store.heldBy(key);
    // An error that names the lock: it is not in the plan, and its end stands in the store.
    if (holder !== undefined) throw new ObjectHeldError(key, store.location, holder);
  }
  return false;
}

async function certifyRemoval(
  { chain, rules, nowMs = Date.now, reached }: ArchiveContext,
  client: pg.ClientBase,
  { month, manifest, manifestSha256, approvedBy }: MonthRow,
  objects: readonly string[],
): Promise<void> {
  const last = manifest === null ? undefined : await chain.read(manifest);
  if (last === undefined || last.sha256 !== manifestSha256) throw new MonthMovedError(month, 'expired');
  // An earlier attempt was broken off behind it.
  if (last.manifest.removed !== undefined) return;
  const at = instantOf(nowMs());
  const certificate = await chain.append({
    month,
    createdAt: at,
    ...shapeOf(last.manifest),
    rows: {},
    parts: [],
    removed: {
      at,
      by: rules.requireApproval ? `retention, approved by ${approvedBy ?? 'nobody'}` : 'retention',
      reason: `older than ${rules.archiveDays ?? 0} days`,
      objects,
      rows: last.manifest.rows,
    },
  });
  await reached?.('removal-certified');
  await changeMonth(client, month, 'certify', [certificate.key, certificate.sha256]);
}

function shapeOf({ schemaVersion, range }: Manifest): Pick<Manifest, 'schemaVersion' | 'range'> {
  return { schemaVersion, range };
}
