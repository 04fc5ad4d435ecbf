// What the watcher keeps of each resource is kept a hundred thousand times: here it is made small.
import type { RemediationReference } from '../../kubernaut/observed-remediation.ts';

/** Namespaces and phases are few; whoever writes a resource may put anything there, and that must not stay for ever. */
const MOST_SHARED = 2_000;
const sharedTexts = new Map<string, string>();
const sharedLists = new Map<string, readonly string[]>();

/** Of texts that many resources have in common, one copy for all of them. */
export function sharedText(text: string): string {
  return shared(sharedTexts, text, text);
}

function shared<Value>(all: Map<string, Value>, key: string, value: Value): Value {
  const known = all.get(key);
  if (known === undefined && all.size < MOST_SHARED) all.set(key, value);
  return known ?? value;
}

/** A copy by itself of ASCII text: what was put together of parts keeps each of them, and whatever they were cut from. */
export function ownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** The text as it is kept: the same as before where it says the same, or nothing. */
export function keptText(before: string, now: string | undefined): string {
  return now === undefined || now === before ? before : ownText(now);
}

/** Phases and blocks with more of them: resources that went the same way share one list. */
export function withShown(shown: readonly string[], more: readonly string[]): readonly string[] {
  const all = [...new Set([...shown, ...more])];
  return shared(sharedLists, JSON.stringify(all), all);
}

/** The reference as it is kept: the same as before where it says the same, and with the uid of the remediation's own. */
export function keptReference(
  before: RemediationReference | undefined,
  { namespace, name, uid }: RemediationReference,
  known: { uidOfRemediation(namespace: string, name: string): string | undefined },
): RemediationReference {
  if (before?.uid === uid && before.name === name && before.namespace === namespace) return before;
  const seen = known.uidOfRemediation(namespace, name);
  return { namespace: sharedText(namespace), name, uid: seen === uid ? seen : uid };
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** The uid of each name. By namespace, so that no text is made of both for every resource. */
export class UidByName {
  readonly #byNamespace = new Map<string, Map<string, string>>();

  get({ namespace, name }: Named): string | undefined {
    return this.#byNamespace.get(namespace)?.get(name);
  }

  set({ namespace, name }: Named, uid: string): void {
    const uids = this.#byNamespace.get(namespace) ?? new Map<string, string>();
    this.#byNamespace.set(namespace, uids.set(name, uid));
  }

  /** Unless another one has the name by now. */
  delete({ namespace, name }: Named, uid: string): void {
    const uids = this.#byNamespace.get(namespace);
    if (uids?.get(name) !== uid) return;
    uids.delete(name);
    if (uids.size === 0) this.#byNamespace.delete(namespace);
  }
}
