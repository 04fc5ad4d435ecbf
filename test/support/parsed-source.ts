import { readFileSync } from 'node:fs';

import ts from 'typescript';

/** By path: several rules look at the same thousand files, and to parse them is most of what a rule costs. */
const parsed = new Map<string, ts.SourceFile>();

/** A file of TypeScript as a tree whose nodes do not know their parents. Read once in a process. */
export function parsedSource(path: string): ts.SourceFile {
  const known = parsed.get(path);
  if (known !== undefined) return known;
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ESNext);
  parsed.set(path, source);
  return source;
}
