import { expect } from 'vitest';

import type { Kind } from '../../dev/sandbox/kinds.ts';
import { groupVersion } from '../../dev/sandbox/kinds.ts';
import { kindsOf } from '../../dev/simulator/generations.ts';
import { expectedEnding } from '../../dev/simulator/oracle.ts';
import { nameOf } from '../../dev/simulator/perform.ts';
import type { PlayedPart, PlayedRemediation } from '../../dev/simulator/play.ts';
import type { Part } from '../../dev/simulator/step.ts';
import type { ConformanceClient, Resource } from './conformance-client.ts';

export const phaseOf = ({ status }: Resource): unknown => {
  const { overallPhase, phase, decision } = (status ?? {}) as Record<string, unknown>;
  return overallPhase ?? phase ?? decision;
};

/** Every resource is on the cluster as the oracle and the record of the play say. */
export async function expectEnding(client: ConformanceClient, played: PlayedRemediation): Promise<void> {
  const { branch, generation, name } = played;
  const ending = expectedEnding(branch, generation);
  const isDeleted = ending.verdict === 'deleted-before-terminal';
  expect(played).toMatchObject({ finished: true, deleted: isDeleted, phase: ending.overallPhase });
  const expected: Record<string, string> = Object.fromEntries(
    (Object.entries(ending.parts) as [Part, string][]).map(([part, phase]) => [nameOf(part, name), phase]),
  );
  const recorded = (Object.values(played.parts) as PlayedPart[]).map(
    (part) => [part.name, part.phase] as const,
  );
  expect(Object.fromEntries(recorded)).toEqual(expected);
  const found = (
    await Promise.all(kindsOf(generation).map((kind) => ofRemediation(client, kind, name)))
  ).flat();
  const present = Object.fromEntries<unknown>(
    found.map((object) => [object.metadata.name ?? '', phaseOf(object)]),
  );
  expect(present).toEqual(isDeleted ? {} : { ...expected, [name]: ending.overallPhase });
}

async function ofRemediation(client: ConformanceClient, kind: Kind, name: string): Promise<Resource[]> {
  const path = `/apis/${groupVersion(kind)}/namespaces/kubernaut-system/${kind.plural}`;
  const { items = [] } = (await client.get(path)).body;
  return items.filter(({ metadata }) => metadata.name?.endsWith(name));
}
