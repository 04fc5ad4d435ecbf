import type { Kind } from './kinds.ts';
import { CUSTOM_RESOURCE_DEFINITION, groupResource, groupVersion } from './kinds.ts';
import type { JsonObject, StoredObject } from './object.ts';
import { isJsonObject } from './object.ts';
import { ApiError, HTTP, invalid } from './status.ts';

/** The CustomResourceDefinition that registers a kind: structural, and permissive in everything else. */
export function definitionOf(kind: Kind): JsonObject & { metadata: { name: string } } {
  const names = {
    kind: kind.kind,
    listKind: kind.listKind,
    plural: kind.plural,
    singular: kind.singular,
    ...(kind.shortNames.length > 0 ? { shortNames: [...kind.shortNames] } : {}),
  };
  const version = {
    name: kind.version,
    served: true,
    storage: true,
    ...(kind.statusSubresource ? { subresources: { status: {} } } : {}),
    schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  };
  return {
    apiVersion: groupVersion(CUSTOM_RESOURCE_DEFINITION),
    kind: CUSTOM_RESOURCE_DEFINITION.kind,
    metadata: { name: groupResource(kind) },
    spec: {
      group: kind.group,
      scope: kind.namespaced ? 'Namespaced' : 'Cluster',
      names,
      versions: [version],
    },
  };
}

/** Reads the kind a definition registers. Schemas are not applied: the sandbox keeps unknown fields of every kind. */
export function kindOf(definition: StoredObject): Kind {
  const spec = asObject(definition, 'spec', definition['spec']);
  const names = asObject(definition, 'spec.names', spec['names']);
  const version = servedVersion(definition, spec['versions']);
  const kindName = asText(definition, 'spec.names.kind', names['kind']);
  const kind: Kind = {
    group: asText(definition, 'spec.group', spec['group']),
    version: asText(definition, 'spec.versions[0].name', version['name']),
    kind: kindName,
    listKind: optionalText(names['listKind']) ?? `${kindName}List`,
    plural: asText(definition, 'spec.names.plural', names['plural']),
    singular: optionalText(names['singular']) ?? kindName.toLowerCase(),
    shortNames: Array.isArray(names['shortNames']) ? names['shortNames'].map(String) : [],
    namespaced: asText(definition, 'spec.scope', spec['scope']) === 'Namespaced',
    statusSubresource:
      isJsonObject(version['subresources']) && isJsonObject(version['subresources']['status']),
  };
  if (definition.metadata.name !== groupResource(kind)) {
    throw refused(definition, 'metadata.name', `Invalid value: must be spec.names.plural+"."+spec.group`);
  }
  return kind;
}

/** The names and conditions the API server adds once a definition is served. */
export function establishedStatus(kind: Kind, time: string): JsonObject {
  const condition = (type: string, reason: string, message: string): JsonObject => ({
    type,
    status: 'True',
    lastTransitionTime: time,
    reason,
    message,
  });
  return {
    acceptedNames: {
      kind: kind.kind,
      listKind: kind.listKind,
      plural: kind.plural,
      singular: kind.singular,
      shortNames: [...kind.shortNames],
    },
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    storedVersions: [kind.version],
  };
}

function servedVersion(definition: StoredObject, versions: unknown): JsonObject {
  const served = Array.isArray(versions)
    ? versions.filter((version) => isJsonObject(version) && version['served'] === true)
    : [];
  if (served.length > 1) {
    throw new ApiError(
      HTTP.badRequest,
      'BadRequest',
      `the sandbox serves one version per kind, ${definition.metadata.name} has ${served.length}: use a real API server`,
    );
  }
  return asObject(definition, 'spec.versions', served[0]);
}

function asObject(definition: StoredObject, field: string, value: unknown): JsonObject {
  if (!isJsonObject(value)) throw refused(definition, field, 'Required value');
  return value;
}

function asText(definition: StoredObject, field: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw refused(definition, field, 'Required value');
  return value;
}

const optionalText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const refused = (definition: StoredObject, field: string, message: string): ApiError =>
  invalid(CUSTOM_RESOURCE_DEFINITION, definition.metadata.name, {
    field,
    reason: 'FieldValueInvalid',
    message,
  });
