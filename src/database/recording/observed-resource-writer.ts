import type pg from 'pg';

import type { Observation, ObservedResource } from '../../domain/observation.ts';
import { arrayLiteral } from './array-parameter.ts';

/**
 * Folds the observations of a flush per resource, then into the row. Order of arrival cannot matter, except between two
 * hashes of one version: there the later one counts, because it is what a newer release of the watcher reads of it.
 * Version and hash advance together, and only by the last observation of a state: until then the watcher sends it again.
 */
const UPSERT_RESOURCES = `
  insert into observed_resource as known (cluster, source_uid, kind, namespace, name, remediation_uid, phase, phase_version,
    source_version, projection_hash, first_seen, last_seen, deleted_at)
  select cluster, source_uid, max(kind), max(namespace), max(name), max(remediation_uid),
    (array_agg(phase order by version desc, phase desc) filter (where phase is not null))[1],
    coalesce(max(version) filter (where phase is not null), 0),
    coalesce(max(version) filter (where projection_hash is not null), 0),
    decode((array_agg(projection_hash order by version desc, nth desc) filter (where projection_hash is not null))[1], 'hex'),
    min(observed_at), max(observed_at), min(deleted_at)
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[],
      $10::timestamptz[], $11::timestamptz[]) with ordinality
    as seen (cluster, source_uid, kind, namespace, name, remediation_uid, phase, version, projection_hash, observed_at,
      deleted_at, nth)
  group by cluster, source_uid
  order by cluster, source_uid
  on conflict (cluster, source_uid) do update set
    remediation_uid = coalesce(known.remediation_uid, excluded.remediation_uid),
    phase = case when excluded.phase is not null
        and (known.phase is null or (excluded.phase_version, excluded.phase) > (known.phase_version, known.phase))
      then excluded.phase else known.phase end,
    phase_version = greatest(known.phase_version, excluded.phase_version),
    projection_hash = case when excluded.projection_hash is not null and excluded.source_version >= known.source_version
      then excluded.projection_hash else known.projection_hash end,
    source_version = greatest(known.source_version, excluded.source_version),
    first_seen = least(known.first_seen, excluded.first_seen),
    last_seen = greatest(known.last_seen, excluded.last_seen),
    deleted_at = least(known.deleted_at, excluded.deleted_at)`;

/** The statement that stores what the watcher has seen of each resource; none where nothing came from a resource. */
export function upsertOfObservedResources(observations: readonly Observation[]): pg.QueryConfig | undefined {
  const seen = observations.filter(hasResource);
  if (seen.length === 0) return undefined;
  const ofResource = (value: (resource: ObservedResource) => string | undefined): string =>
    arrayLiteral(seen.map(({ resource }) => value(resource)));
  const ofObservation = (value: (observation: Observation) => string | boolean | undefined): string =>
    arrayLiteral(seen.map(value));
  return {
    name: 'upsert-observed-resources',
    text: UPSERT_RESOURCES,
    values: [
      ofObservation(({ cluster }) => cluster),
      ofResource(({ uid }) => uid),
      ofResource(({ kind }) => kind),
      ofResource(({ namespace }) => namespace),
      ofResource(({ name }) => name),
      ofObservation(({ columns }) => columns['remediation_uid']),
      ofResource(({ phase }) => phase),
      ofObservation(({ sourceVersion }) => sourceVersion),
      ofResource(({ projectionHash }) => projectionHash),
      ofObservation(({ observedAt }) => observedAt),
      ofResource(({ deletedAt }) => deletedAt),
    ],
  };
}

/** A post is about a record and comes from no resource. */
function hasResource(observation: Observation): observation is Observation & { resource: ObservedResource } {
  return observation.resource !== undefined;
}
