import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';

/**
 * Many paths that are read from each resource of a kind, in one walk: what is missing near the root, as most of what
 * other generations have, is not looked for below it.
 */
export class PathTree {
  readonly #branches: Branch[] = [];
  readonly #indexes = new Map<string, number>();

  /** Adds a dotted path; returns where `read` puts its value. */
  indexOf(path: string): number {
    const known = this.#indexes.get(path);
    if (known !== undefined) return known;
    const index = this.#indexes.size;
    this.#indexes.set(path, index);
    let branches = this.#branches;
    let branch: Branch | undefined;
    for (const step of path.split('.')) {
      branch = branches.find((candidate) => candidate.step === step);
      if (branch === undefined) branches.push((branch = { step, index: undefined, branches: [] }));
      branches = branch.branches;
    }
    if (branch !== undefined) branch.index = index;
    return index;
  }

  /** The values of all paths by their indexes; undefined where there is none, and for null. */
  read(resource: JsonObject): readonly (JsonValue | undefined)[] {
    const values = new Array<JsonValue | undefined>(this.#indexes.size).fill(undefined);
    gather(this.#branches, resource, values);
    return values;
  }
}

/** One step of the paths; steps that paths share are one branch. */
interface Branch {
  readonly step: string;
  /** Undefined where no path ends. */
  index: number | undefined;
  readonly branches: Branch[];
}

function gather(branches: readonly Branch[], from: JsonObject, values: (JsonValue | undefined)[]): void {
  for (const { step, index, branches: deeper } of branches) {
    // A member may be called like one that every JavaScript object inherits.
    if (!Object.hasOwn(from, step)) continue;
    const member = from[step];
    if (index !== undefined) values[index] = member ?? undefined;
    if (deeper.length > 0 && isJsonObject(member)) gather(deeper, member, values);
  }
}
