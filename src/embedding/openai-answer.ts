import type { JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { EmbeddingRefusedError } from './embedding-error.ts';

/** The vectors of an answer in the order of the texts, which the protocol gives by index and not by position. */
export function vectorsOf(body: string, count: number, dimensions: number): number[][] {
  const data = readJson(body)['data'];
  if (!Array.isArray(data)) throw wrong('the answer has no list of vectors');
  if (data.length !== count) throw wrong(`the answer has ${data.length} vectors for ${count} texts`);
  const vectors = new Map<number, number[]>();
  data.forEach((item, position) => {
    const index = isJsonObject(item) && typeof item['index'] === 'number' ? item['index'] : position;
    vectors.set(index, vectorOf(isJsonObject(item) ? item['embedding'] : undefined, dimensions));
  });
  return Array.from({ length: count }, (_, index) => {
    const vector = vectors.get(index);
    if (vector === undefined) throw wrong(`the answer has no vector for text ${index}`);
    return vector;
  });
}

function readJson(body: string): Record<string, JsonValue> {
  let value: JsonValue;
  try {
    value = JSON.parse(body) as JsonValue;
  } catch {
    throw wrong('the answer is not JSON; check that the base URL is that of an embeddings endpoint');
  }
  return isJsonObject(value) ? value : {};
}

function vectorOf(value: JsonValue | undefined, dimensions: number): number[] {
  if (!Array.isArray(value) || !value.every((number) => typeof number === 'number')) {
    throw wrong('the answer has a vector that is not a list of numbers');
  }
  if (value.length !== dimensions) {
    throw wrong(
      `its vectors have ${value.length} dimensions and not ${dimensions}; configure the dimensions of the model or choose another`,
    );
  }
  return value;
}

function wrong(reason: string): EmbeddingRefusedError {
  return new EmbeddingRefusedError(reason, undefined);
}
