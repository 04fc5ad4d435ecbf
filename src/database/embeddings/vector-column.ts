import type pg from 'pg';

/** How embeddings are held: by pgvector where its extension is, as an array that means the same where it is not. */
export type EmbeddingForm = 'vector' | 'real[]';

/** Chosen when the table was made, and again by an upgrade: a running process asks before it writes its statements. */
export async function readEmbeddingForm(client: pg.Pool | pg.ClientBase): Promise<EmbeddingForm> {
  const { rows } = await client.query<{ type: string }>(`
    select atttypid::regtype::text as type
    from pg_attribute
    where attrelid = 'ai_investigation_embeddings'::regclass
      and attname = 'embedding'`);
  return rows[0]?.type === 'vector' ? 'vector' : 'real[]';
}

/** Numbers as the text that the form reads. */
export function embeddingText(form: EmbeddingForm, numbers: readonly number[]): string {
  return form === 'vector' ? `[${numbers.join(',')}]` : `{${numbers.join(',')}}`;
}
