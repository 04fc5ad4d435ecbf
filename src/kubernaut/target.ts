import type { JsonValue } from '../domain/json.ts';
import { textAt } from './resource.ts';

/** What is acted upon. A cluster-scoped target, such as a node, has no namespace. The kind keeps its case. */
export interface Target {
  readonly namespace?: string;
  readonly kind: string;
  readonly name: string;
}

/** Splits `namespace/Kind/name` or `Kind/name`; undefined for any other text. */
export function splitTarget(text: JsonValue | undefined): Target | undefined {
  if (typeof text !== 'string') return undefined;
  const parts = text.split('/');
  if (parts.some((part) => part === '')) return undefined;
  const [first = '', second = '', third] = parts;
  if (parts.length === 2) return { kind: first, name: second };
  return parts.length === 3 && third !== undefined
    ? { namespace: first, kind: second, name: third }
    : undefined;
}

/** A reference by kind, name and perhaps namespace in the form in which targets are written as text. */
export function targetTextAt(root: JsonValue | undefined, path: string): string | undefined {
  const [kind, name] = [textAt(root, `${path}.kind`), textAt(root, `${path}.name`)];
  if (kind === undefined || name === undefined) return undefined;
  const namespace = textAt(root, `${path}.namespace`);
  return namespace === undefined ? `${kind}/${name}` : `${namespace}/${kind}/${name}`;
}
