import type pg from 'pg';

import type { Observation, ObservedResource } from '../../domain/observation.ts';
import { arrayLiteral } from './array-parameter.ts';
import type { PreparedObservation } from './prepared-observation.ts';

const OBSERVE_RESOURCES = `
  select audit_observe_resources($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::bigint[], $9::text[], $10::timestamptz[], $11::timestamptz[])`;

/** The statement that stores what the watcher has seen of each resource; none where nothing came from a resource. */
export function upsertsOfResources(prepared: readonly PreparedObservation[]): pg.QueryConfig[] {
  const seen = prepared.map(({ observation }) => observation).filter(hasResource);
  if (seen.length === 0) return [];
  const ofResource = (value: (resource: ObservedResource) => string | undefined): string =>
    arrayLiteral(seen.map(({ resource }) => value(resource)));
  const ofObservation = (value: (observation: Observation) => string | boolean | undefined): string =>
    arrayLiteral(seen.map(value));
  const upsert = {
    name: 'observe-resources',
    text: OBSERVE_RESOURCES,
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
  return [upsert];
}

/** A post is about a record and comes from no resource. */
function hasResource(observation: Observation): observation is Observation & { resource: ObservedResource } {
  return observation.resource !== undefined;
}
