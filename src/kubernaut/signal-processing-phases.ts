import { utf8Length } from '../domain/bounds.ts';
import { intervalBetween } from '../domain/duration.ts';
import { parseInstant } from '../domain/instant.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { canonicalJson, isJsonObject } from '../domain/json.ts';
import { at, textAt } from './resource.ts';

/**
 * The phases of a processing in the JSON that the sources gave them, the last one being the whole. Only times that the
 * resource names: it has none for the beginning of a phase, and conditions or results name the end of some.
 */
export function processingPhasesOf(resource: JsonObject): string | undefined {
  const phases = [enriching(resource), classifying(resource), categorizing(resource), whole(resource)];
  const known = phases.filter((phase) => Object.keys(phase).length > 1);
  return known.length === 0 ? undefined : canonicalJson(known);
}

/**
 * The quality is a number of G1; later generations only say whether the context is incomplete
 * (`degradedMode`).
 */
function enriching(resource: JsonObject): JsonObject {
  return compact({
    phase: 'enriching',
    end_time: conditionTime(resource, 'EnrichmentComplete'),
    enrichmentResults: compact({
      contextQuality: at(resource, 'status.enrichmentResults.enrichmentQuality'),
      contextSizeBytes: contextSizeOf(resource),
      degradedMode: at(resource, 'status.kubernetesContext.degradedMode'),
    }),
  });
}

/** G2 and G3 name when they classified; where that is missing, the condition says when it was done. */
function classifying(resource: JsonObject): JsonObject {
  const classification = at(resource, 'status.environmentClassification');
  return compact({
    phase: 'classifying',
    end_time: instantAt(classification, 'classifiedAt') ?? conditionTime(resource, 'ClassificationComplete'),
    classificationResults: compact({
      environment: at(classification, 'environment'),
      confidence: at(classification, 'confidence'),
      businessCriticality:
        at(resource, 'status.businessClassification.criticality') ??
        at(classification, 'businessCriticality'),
      classificationMethod: at(classification, 'source'),
    }),
  });
}

/** The priority is an assignment in G2 and G3, a categorization with a score in G1. */
function categorizing(resource: JsonObject): JsonObject {
  const [assignment, categorization] = [
    at(resource, 'status.priorityAssignment'),
    at(resource, 'status.categorization'),
  ];
  return compact({
    phase: 'categorizing',
    end_time:
      instantAt(assignment, 'assignedAt') ??
      instantAt(categorization, 'categorizationTime') ??
      conditionTime(resource, 'CategorizationComplete'),
    categorizationResults: compact({
      priority: at(assignment, 'priority') ?? at(categorization, 'priority'),
      priorityScore: at(categorization, 'priorityScore'),
      source: at(assignment, 'source') ?? at(categorization, 'categorizationSource'),
    }),
  });
}

/** A processing that failed has no end in the resource, so it has no duration either. */
function whole(resource: JsonObject): JsonObject {
  const start = instantAt(resource, 'status.startTime');
  const end = instantAt(resource, 'status.completionTime') ?? instantAt(resource, 'status.completedAt');
  const duration = start !== undefined && end !== undefined ? intervalBetween(start, end) : undefined;
  return compact({ phase: 'processing', start_time: start, end_time: end, duration });
}

/** Bytes of the context that the enrichment brought, as canonical JSON. The context itself is not recorded. */
function contextSizeOf(resource: JsonObject): number | undefined {
  const context = at(resource, 'status.kubernetesContext') ?? at(resource, 'status.enrichmentResults');
  return isJsonObject(context) ? sizeOfJson(context) : undefined;
}

/** When a condition became true; transitions of other kinds say nothing of a phase. */
function conditionTime(resource: JsonObject, type: string): string | undefined {
  const conditions = at(resource, 'status.conditions');
  if (!Array.isArray(conditions)) return undefined;
  const met = conditions.find((one) => textAt(one, 'type') === type && textAt(one, 'status') === 'True');
  return instantAt(met, 'lastTransitionTime');
}

/** In the form of all instants here; undefined where the text is not a time. */
function instantAt(root: JsonValue | undefined, path: string): string | undefined {
  return parseInstant(textAt(root, path) ?? '');
}

/** Without what is not known: undefined, empty text, empty objects. An entry that then has its name only is dropped. */
function compact(members: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const kept: JsonObject = {};
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined || value === '') continue;
    if (isJsonObject(value) && Object.keys(value).length === 0) continue;
    kept[name] = value;
  }
  return kept;
}

/** Bytes of a value as canonical JSON: the same for the same content, however it was written. */
export function sizeOfJson(value: JsonValue): number {
  return utf8Length(canonicalJson(value));
}
