import type { Embedder } from './embedder.ts';
import { DEFAULT_DIMENSIONS } from './embedder.ts';

/**
 * Embeds without a model: words, pairs of words and groups of letters are hashed into dimensions of the vector. It knows
 * spelling and not meaning, so it finds reports that use the same words and no others; its name in the model column
 * says what it is. The version in the name changes with any change of the numbers.
 */
export function createOfflineEmbedder(dimensions: number = DEFAULT_DIMENSIONS): Embedder {
  return {
    model: 'offline-hashing-v1',
    dimensions,
    embed: (texts) => Promise.resolve(texts.map((text) => embedText(text, dimensions))),
  };
}

const WEIGHTS = { word: 1, pair: 0.7, letters: 0.35 } as const;
const LETTERS_PER_GROUP = 3;

function embedText(text: string, dimensions: number): number[] {
  const vector = new Array<number>(dimensions).fill(0);
  for (const [feature, weight] of featuresOf(text)) {
    const hash = fnv1a(feature);
    // The sign from another bit than the index: features that share an index cancel as often as they add up.
    const sign = (hash & 0x8000_0000) === 0 ? 1 : -1;
    const index = (hash & 0x7fff_ffff) % dimensions;
    vector[index] = (vector[index] ?? 0) + sign * weight;
  }
  return normalise(vector);
}

/** Features with their weights. The tenth occurrence of a word says less than the first. */
function featuresOf(text: string): Map<string, number> {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  const counts = new Map<string, number>();
  const count = (feature: string, weight: number): void => {
    counts.set(feature, (counts.get(feature) ?? 0) + weight);
  };
  words.forEach((word, index) => {
    count(`w ${word}`, WEIGHTS.word);
    const next = words[index + 1];
    if (next !== undefined) count(`p ${word} ${next}`, WEIGHTS.pair);
    const marked = ` ${word} `;
    for (let start = 0; start + LETTERS_PER_GROUP <= marked.length; start += 1) {
      count(`l ${marked.slice(start, start + LETTERS_PER_GROUP)}`, WEIGHTS.letters);
    }
  });
  // Text without a word must have a direction too: the cosine of a zero vector is no number.
  if (counts.size === 0) counts.set('empty', 1);
  return new Map([...counts].map(([feature, weight]) => [feature, Math.sqrt(weight)]));
}

/** 32-bit FNV-1a over UTF-16 units, with a final mix because its upper bits move too little in short texts. */
function fnv1a(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function normalise(vector: readonly number[]): number[] {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / length);
}
