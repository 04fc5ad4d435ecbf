import { utf8Length } from '../domain/bounds.ts';
import { formatInterval, intervalBetween, parseDuration } from '../domain/duration.ts';
import { parseInstant } from '../domain/instant.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { canonicalJson, isJsonObject, numberLexeme } from '../domain/json.ts';
import { at, numberAt, textAt } from './resource.ts';

/** Paths of the parts of phases beside the conditions, for the documentation and the search for unknown fields. */
export const PHASE_PATHS = [
  'status.enrichmentResults.completedAt',
  'status.enrichmentResults.duration',
  'spec.enrichmentConfig.contextSources',
  'status.classificationStartTime',
  'status.classificationEndTime',
  'status.classificationDuration',
  'status.categorizationStartTime',
  'status.categorizationEndTime',
  'status.categorizationDuration',
] as const;

/** Below this quality source 002 calls the context degraded. */
const DEGRADED_BELOW = 0.8;
/** What source 002 writes for every classification; later generations name the method. */
const METHOD_OF_SOURCE = 'namespace-label';

/**
 * The phases of a processing in the JSON that the sources gave them, the last one being the whole. Only times that the
 * resource names, and one that the sources derive: enriching begins when the resource is created.
 *
 * Where anything is known, the first entry is `enriching`: queries of the sources look for it at that position.
 */
export function processingPhasesOf(resource: JsonObject): string | undefined {
  const [first, ...later] = [
    enriching(resource),
    classifying(resource),
    categorizing(resource),
    whole(resource),
  ].map((phase) => ({ phase, isKnown: Object.keys(phase).length > 1 }));
  const known = later.filter(({ isKnown }) => isKnown).map(({ phase }) => phase);
  if (first === undefined || (!first.isKnown && known.length === 0)) return undefined;
  const begun = instantAt(resource, 'metadata.creationTimestamp');
  const start = begun === undefined ? {} : { start_time: begun };
  return canonicalJson([{ ...start, ...first.phase }, ...known]);
}

/**
 * The quality is a number of G1; later generations only say whether the context is incomplete
 * (`degradedMode`).
 */
function enriching(resource: JsonObject): JsonObject {
  const results = at(resource, 'status.enrichmentResults');
  const end = instantAt(results, 'completedAt') ?? conditionTime(resource, 'EnrichmentComplete');
  const quality = numberAt(results, 'enrichmentQuality');
  const sources = at(resource, 'spec.enrichmentConfig.contextSources');
  const isDegraded = quality === undefined ? undefined : Number(quality) < DEGRADED_BELOW;
  return compact({
    phase: 'enriching',
    end_time: end,
    duration: durationBetween(
      at(results, 'duration'),
      instantAt(resource, 'metadata.creationTimestamp'),
      end,
    ),
    enrichmentResults: compact({
      contextQuality: at(results, 'enrichmentQuality'),
      contextSizeBytes: contextSizeOf(resource),
      contextSources: Array.isArray(sources) ? sources.length : undefined,
      degradedMode: at(resource, 'status.kubernetesContext.degradedMode') ?? isDegraded,
    }),
  });
}

/** G2 and G3 name when they classified; where that is missing, the condition says when it was done. */
function classifying(resource: JsonObject): JsonObject {
  const classification = at(resource, 'status.environmentClassification');
  const environment = at(classification, 'environment');
  const method = at(classification, 'source') ?? (environment === undefined ? undefined : METHOD_OF_SOURCE);
  return compact({
    phase: 'classifying',
    ...timesOf(resource, 'classification', [
      instantAt(classification, 'classifiedAt'),
      conditionTime(resource, 'ClassificationComplete'),
    ]),
    classificationResults: compact({
      environment,
      confidence: at(classification, 'confidence'),
      businessCriticality:
        at(resource, 'status.businessClassification.criticality') ??
        at(classification, 'businessCriticality'),
      classificationMethod: method,
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
    ...timesOf(resource, 'categorization', [
      instantAt(assignment, 'assignedAt'),
      instantAt(categorization, 'categorizationTime'),
      conditionTime(resource, 'CategorizationComplete'),
    ]),
    categorizationResults: compact({
      priority: at(assignment, 'priority') ?? at(categorization, 'priority'),
      priorityScore: at(categorization, 'priorityScore'),
      source: at(assignment, 'source') ?? at(categorization, 'categorizationSource'),
    }),
  });
}

/** The times that source 002 reads, else the first of the ends that another generation names. */
function timesOf(
  resource: JsonObject,
  phase: 'classification' | 'categorization',
  ends: readonly (string | undefined)[],
): Readonly<Record<string, string | undefined>> {
  const start = instantAt(resource, `status.${phase}StartTime`);
  const end = instantAt(resource, `status.${phase}EndTime`) ?? ends.find((instant) => instant !== undefined);
  const duration = durationBetween(at(resource, `status.${phase}Duration`), start, end);
  return { start_time: start, end_time: end, duration };
}

/**
 * A processing that failed has no end in the resource, so it has no duration either. Its times are whole seconds; how long
 * it took in hundredths stands in the message of a condition only.
 */
function whole(resource: JsonObject): JsonObject {
  const start = instantAt(resource, 'status.startTime');
  const end = instantAt(resource, 'status.completionTime') ?? instantAt(resource, 'status.completedAt');
  const measured = /\bprocessed (?:successfully )?in (\d{1,9}(?:\.\d{1,9})?s)\b/.exec(
    messagesOf(resource)['ProcessingComplete'] ?? '',
  )?.[1];
  const duration = durationBetween(measured, start, end);
  return compact({ phase: 'processing', start_time: start, end_time: end, duration });
}

/** The duration that is named, as text or in nanoseconds, else from start to end where both are known. */
function durationBetween(
  named: JsonValue | undefined,
  start: string | undefined,
  end: string | undefined,
): string | undefined {
  const nanoseconds = typeof named === 'string' ? parseDuration(named) : wholeNumber(named);
  // Go writes 0 for a duration that was never set.
  if (nanoseconds !== undefined && nanoseconds !== 0n) return formatInterval(nanoseconds);
  return start !== undefined && end !== undefined ? intervalBetween(start, end) : undefined;
}

function wholeNumber(value: JsonValue | undefined): bigint | undefined {
  const lexeme = numberLexeme(value);
  return lexeme !== undefined && /^\d{1,18}$/.test(lexeme) ? BigInt(lexeme) : undefined;
}

/** The end of each phase; `Ready` and whatever comes later repeats them. */
const CONDITIONS = [
  'EnrichmentComplete',
  'ClassificationComplete',
  'CategorizationComplete',
  'ProcessingComplete',
];

/** What the conditions say in words: the source of the severity, and the time taken, stand nowhere else. */
export function messagesOf(resource: JsonObject): Readonly<Record<string, string>> {
  const conditions = at(resource, 'status.conditions');
  const messages: Record<string, string> = {};
  for (const condition of Array.isArray(conditions) ? conditions : []) {
    const [type, message] = [textAt(condition, 'type'), textAt(condition, 'message')];
    if (type !== undefined && message !== undefined && CONDITIONS.includes(type)) messages[type] = message;
  }
  return messages;
}

/** Bytes of the context that the enrichment brought, as canonical JSON. The context itself is not recorded. */
function contextSizeOf(resource: JsonObject): number | undefined {
  const context =
    at(resource, 'status.kubernetesContext') ??
    at(resource, 'status.enrichmentResults') ??
    at(resource, 'status.contextData');
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
