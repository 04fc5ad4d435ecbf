import type { ExpectedEnding } from './expected-ending.ts';
import type { Generation } from './generations.ts';
import { kindIn } from './generations.ts';
import { phaseIn } from './older-shapes.ts';
import type { Part } from './step.ts';
import { codeOf } from './step.ts';
import type { Branch } from './stories.ts';
import { storyOf } from './stories.ts';

/** How a branch ends in a generation: its hand-written ending without the kinds that the generation lacked, in its words. */
export function expectedEnding(branch: Branch, generation: Generation): ExpectedEnding {
  const { ending, generations } = storyOf(branch);
  if (!generations.includes(generation)) throw new Error(`${generation} has no branch ${branch}`);
  const parts = (Object.entries(ending.parts) as [Part, string][])
    .filter(([part]) => kindIn(generation, codeOf(part)) !== undefined)
    .map(([part, phase]) => [part, phaseIn(generation, codeOf(part), phase)] as const);
  return {
    ...ending,
    overallPhase: phaseIn(generation, 'RR', ending.overallPhase),
    parts: Object.fromEntries(parts),
  };
}
