import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { repositoryPath } from '../support/repository.ts';

/** A word that only this project used for something that has a name in the field. */
interface RetiredWord {
  /** Matched against lines in which `sentAtOnce` and `SENT_AT_ONCE` are words of their own; case does not matter. */
  readonly word: RegExp;
  readonly instead: string;
  readonly because: string;
  /** Lines with one of these keep the word: it is stored, public, or somebody else's. */
  readonly except?: readonly string[];
}

const RETIRED: readonly RetiredWord[] = [
  {
    word: /\bhubs?\b/,
    instead: 'remediation record',
    because: 'the picture of a wheel explains nothing to somebody who looks for a table',
    except: ['hub?: RemediationState', 'state.hub', 'hub: this.remediation', 'GitHub'],
  },
  {
    word: /\b(?:un)?told\b|\btell(?:s|ing)?\b/,
    instead: 'send, log, report, list, deliver, distinguish',
    because: 'nobody can see whether a signal, a log line, a metric or an answer is meant',
  },
  {
    word: /\bsights?\b/,
    instead: 'observation',
    because: 'what the watcher saw of a resource has that name everywhere else',
  },
  {
    word: /\bplacing\b|\bunplaced\b/,
    instead: 'embedding, position, index',
    because: 'it meant the vector of a text, a number in a list, a position in a text, and a legal hold',
    except: ['unplaced: readonly', 'carried?.unplaced', 'unplaced: this.#'],
  },
  {
    word: /\bhomes?\b/,
    instead: 'partition key of the record',
    because: 'the month a row lives in is decided by its created_at, and PostgreSQL has a word for that',
    except: ['a home directory', 'closed home folder', 'record_home', 'HOME', '/home/', '|home|'],
  },
  {
    word: /\bkeepers?\b|\bunkept\b/,
    instead: 'reconciler; stored, durable',
    because:
      'a loop that brings what is there to what is wanted is a reconciler wherever Kubernetes is known',
  },
  {
    word: /\b(?:its|their|next|a|each|every|in|by) turns?\b(?! of| to)|\bcreate turns\b|\bgive back\b/,
    instead: 'semaphore, permit, alternately',
    because: 'a limit on what runs at once is a semaphore',
    except: ['// Give back'],
  },
  {
    word: /\b(?:a|an|each|every|next|last|first|second|two|single|its|their|the) looks?\b|\blooks? at one\b/,
    instead: 'probe, check, sample, query, GET',
    because: 'nobody can see whether a request, a timer or a person looks',
  },
  {
    word: /\bparked\b|\bparted\b/,
    instead: 'pending',
    because: 'what waits for its record is pending, as in every queue',
    except: [
      'state.parked',
      'parked: this.#',
      'parked: pending',
      'parked: readonly',
      'parked: number',
      'parked,',
      'parked === 0',
      'parked: [],',
    ],
  },
  {
    word: /\bbury\b|\bburied\b|\btombstones?\b|\bhear out\b|\bheard out\b/,
    instead: 'confirm the deletion, wait for the watch',
    because: 'the pictures hide what is done: a GET by name, and a pause',
    except: [
      'remediation_audit_tombstones_total',
      "'tombstones_total'",
      'tombstones: ',
      'metrics.tombstones',
    ],
  },
  {
    word: /\bsuspects?\b|\bcrowded\b|\brungs?\b|\bworth a flush\b/,
    instead: 'version regression, overloaded, level',
    because: 'each was used for one thing that has a name',
  },
  {
    word: /\burgent\b|\bcrowded\b/,
    instead: 'due soon, overloaded',
    because: 'urgent says neither when nor for whom',
  },
  {
    word: /\bcold\b|\bhot\b/,
    instead: 'archive, database',
    because: 'a reader has to know that the database is hot',
    except: ['REMEDIATION_AUDIT_HOT_DAYS', 'hotDays', 'hot days', 'hot until'],
  },
  {
    word: /\bmeans nothing\b|\bis no such\b|\bsay the opposite\b|\bbreak the glass\b/,
    instead: 'unknown, invalid, mutually exclusive, release by hand',
    because: 'a message names what is wrong and what to do',
  },
];

const ROOTS = ['src', 'dev', 'packages', 'docs', 'README.md'];
/** Decisions are not rewritten, and what is built or installed is not ours to word. */
const LEFT_OUT = /^docs\/adr\/|(?:^|\/)(?:node_modules|dist)\//;

interface Line {
  readonly at: string;
  readonly text: string;
}

function filesUnder(root: string): readonly string[] {
  if (/\.\w+$/.test(root)) return [root];
  return readdirSync(repositoryPath(root), { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, name))
    .filter((path) => /\.(?:ts|md)$/.test(path) && !LEFT_OUT.test(path));
}

/** `sentAtOnce`, `SentAtOnce` and `SENT_AT_ONCE` as words; names of columns and metrics stay as they are. */
function inWords(line: string): string {
  return line.replaceAll(/(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])_(?=[A-Z])/g, ' ');
}

function linesOf(path: string): readonly Line[] {
  const name = { at: path, text: inWords(path) };
  const lines = readFileSync(repositoryPath(path), 'utf8').split('\n');
  return [name, ...lines.map((text, index) => ({ at: `${path}:${String(index + 1)}`, text }))];
}

function usesOf({ word, except = [] }: RetiredWord, lines: readonly Line[]): string[] {
  const pattern = new RegExp(word.source, 'i');
  return lines
    .filter(({ text }) => pattern.test(inWords(text)) && !except.some((kept) => text.includes(kept)))
    .map(({ at, text }) => `${at}: ${text.trim()}`);
}

describe('a word that the field has another one for is not used', () => {
  const lines = ROOTS.flatMap(filesUnder).flatMap(linesOf);

  test.each(RETIRED)('$instead, not $word: $because', (retired) => {
    expect(lines.length).toBeGreaterThan(30_000);
    expect(usesOf(retired, lines)).toEqual([]);
  });

  test('a use is found in names of files, in identifiers, constants, comments and sentences', () => {
    const retired: RetiredWord = { word: /\bhubs?\b/, instead: '', because: '', except: ['hub: stored'] };
    const texts = ['const hubState = 1;', 'readHub(', 'HUB_KEY', '// The hub is', "'two hubs'"];
    const found = texts.map((text) => ({ at: 'src/a.ts:1', text }));
    const other = ['github.com', 'hubris', '{ hub: stored }'].map((text) => ({ at: 'src/b.ts:1', text }));
    expect(usesOf(retired, [...found, ...other])).toEqual(texts.map((text) => `src/a.ts:1: ${text}`));
  });
});
