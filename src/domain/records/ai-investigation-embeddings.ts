import type { RecordDefinition } from './definition.ts';
import { ENVIRONMENTS, REMEDIATION_ID, SCORE } from './definition.ts';

/** What the vector column holds. A model with fewer dimensions is filled up with zeros, which no cosine can see. */
export const EMBEDDING_DIMENSIONS = 1536;

/**
 * A memory, not an event: one row per analysis, made from its row and replaced when its text or the model changes. So
 * it has no ledger, no month and none of the columns that a fold of observations needs.
 */
export const aiInvestigationEmbeddings = {
  table: 'ai_investigation_embeddings',
  kind: 'ai-investigation-embedding',
  meaning: 'The text of an investigation and its embedding by a model, so that similar ones are found.',
  postable: false,
  partitioned: false,
  columns: [
    {
      name: 'id',
      type: 'uuid',
      managed: true,
      notNull: true,
      meaning: 'Identity of the row in ai_analysis_audit',
    },
    {
      name: 'alert_fingerprint',
      type: 'text',
      identifier: true,
      meaning: 'Fingerprint of the signal',
    },
    { name: 'investigation_text', type: 'text', notNull: true, meaning: 'What was embedded, redacted' },
    {
      name: 'embedding',
      type: 'vector',
      meaning: 'The embedding: 1,536 numbers; a model with fewer is filled up with zeros',
    },
    { name: 'root_cause', type: 'text', meaning: 'The cause that was found' },
    {
      name: 'confidence_score',
      type: 'numeric',
      range: SCORE,
      meaning: 'Confidence in the chosen workflow, 0 to 1',
    },
    {
      name: 'environment',
      type: 'text',
      identifier: true,
      spellings: ENVIRONMENTS,
      meaning: 'Environment that the signal was assigned to',
    },
    {
      name: 'created_at',
      type: 'timestamptz',
      managed: true,
      notNull: true,
      meaning: 'created_at of the row in ai_analysis_audit',
    },
    { name: 'model', type: 'text', meaning: 'Model of the embedding; distances hold within one model only' },
    { name: 'dimension', type: 'integer', meaning: 'Dimensions of that model' },
    {
      name: 'cluster',
      type: 'text',
      managed: true,
      notNull: true,
      meaning: 'Configured name of the cluster',
    },
    { ...REMEDIATION_ID, identifier: false },
    { name: 'remediation_uid', type: 'text', identifier: true, meaning: 'uid of the remediation' },
    {
      name: 'updated_at',
      type: 'timestamptz',
      managed: true,
      notNull: true,
      meaning: 'When the row last changed',
    },
  ],
} as const satisfies RecordDefinition;
