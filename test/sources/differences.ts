// What docs/differences.md declares. A test that meets something the service does otherwise asks here whether users can read of it.
import { readFileSync } from 'node:fs';

import { repositoryPath } from '../support/repository.ts';
import type { Source } from './documents.ts';

export interface Difference {
  readonly number: number;
  readonly sources: readonly Source[];
  /** The words of those documents. */
  readonly quotes: readonly string[];
  /** Documents that say more. */
  readonly links: readonly string[];
}

const ROW = /^\| (\d+) \| ([\d, ]+): (.+?) \| (.+) \|$/gm;

export function differences(): readonly Difference[] {
  const page = readFileSync(repositoryPath('docs/differences.md'), 'utf8');
  return Array.from(page.matchAll(ROW), ([, number, sources = '', there = '', here = '']) => ({
    number: Number(number),
    sources: sources.split(', ') as Source[],
    quotes: Array.from(there.matchAll(/`([^`]+)`/g), ([, quote = '']) => quote),
    links: Array.from(here.matchAll(/\]\(([\w.-]+)\)/g), ([, file = '']) => file),
  }));
}

/** The number of the difference that quotes these words of a document; undefined when none does. */
export function declaredAs(source: Source, words: string): number | undefined {
  return differences().find(
    (difference) => difference.sources.includes(source) && difference.quotes.includes(words),
  )?.number;
}
