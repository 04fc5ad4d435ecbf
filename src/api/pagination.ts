import type { Position } from '../database/record-reader.ts';
import { parseInstant } from '../domain/instant.ts';
import { MAX_PAGE_SIZE } from '../domain/limits.ts';
import { Problem } from './problems.ts';

const DEFAULT_PAGE_SIZE = 100;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface PageRequest {
  readonly limit: number;
  readonly after: Position | undefined;
}

export function readPageRequest(query: Readonly<Record<string, unknown>>): PageRequest {
  for (const name of Object.keys(query)) {
    if (name !== 'limit' && name !== 'cursor') throw invalid(name, 'is not a parameter of this list');
  }
  return { limit: readLimit(query['limit']), after: readCursor(query['cursor']) };
}

export function writeCursor(position: Position): string {
  return Buffer.from(`${position.createdAt} ${position.id}`).toString('base64url');
}

function readLimit(value: unknown): number {
  if (value === undefined) return DEFAULT_PAGE_SIZE;
  const limit = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : 0;
  if (limit < 1 || limit > MAX_PAGE_SIZE)
    throw invalid('limit', `must be a whole number from 1 to ${MAX_PAGE_SIZE}`);
  return limit;
}

function readCursor(value: unknown): Position | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'string' ? Buffer.from(value, 'base64url').toString('utf8') : '';
  const [time = '', id = ''] = text.split(' ');
  const createdAt = parseInstant(time);
  if (createdAt === undefined || !UUID.test(id))
    throw invalid('cursor', 'is none that this service gave out');
  return { createdAt, id };
}

function invalid(name: string, detail: string): Problem {
  return new Problem('invalid-parameter', `${name} ${detail}`, { errors: [{ pointer: `?${name}`, detail }] });
}
