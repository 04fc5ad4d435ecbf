import type { JsonObject } from '../domain/json.ts';
import { at, textAt } from './resource.ts';

/**
 * Generations of kubernaut's resources, newest first. G2 and G3 share group and version, so an object is recognised by its
 * shape. The shape is a fact of the row (`source_shape`) and gates nothing: fields are read through all generations.
 */
export const SHAPES = ['G3', 'G2', 'G1', 'G0', 'G0a'] as const;
export type KnownShape = (typeof SHAPES)[number];
/** `unknown`: nothing decides yet, as in a fresh object without a status. A later version of it may. */
export type Shape = KnownShape | 'unknown';

/** Which paths identify a generation, newest first: the first shape one of whose paths is there is the shape of the object. */
export type ShapeMarks = readonly (readonly [shape: KnownShape, ...paths: string[]])[];

/** The first generation of which a mark is there. A mark counts by its presence, also when its value is empty. */
export function shapeOf(resource: JsonObject, marks: ShapeMarks): Shape {
  for (const [shape, ...paths] of marks) {
    if (paths.some((path) => at(resource, path) !== undefined)) return shape;
  }
  return 'unknown';
}

/** The group of an `apiVersion`; some generations differ in nothing else before they have a status. */
export function groupOf(resource: JsonObject): string {
  return (textAt(resource, 'apiVersion') ?? '').split('/')[0] ?? '';
}
