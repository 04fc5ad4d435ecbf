import { createRequire } from 'node:module';

export type Judge = (value: unknown) => boolean;

export interface SchemaValidator {
  compile(schema: unknown): Judge;
}

/** The validator of the HTTP server, through the packages that bring it: at the top there is another, older one. */
export function createValidator(options: object): SchemaValidator {
  const fastify = createRequire(createRequire(import.meta.url).resolve('fastify'));
  const compiler = createRequire(fastify.resolve('@fastify/ajv-compiler'));
  const { Ajv2020 } = compiler('ajv/dist/2020') as { Ajv2020: new (options: object) => SchemaValidator };
  return new Ajv2020(options);
}

/** The schema itself, where a description only refers to it. */
export function resolveSchema(description: object, schema: Record<string, unknown>): Record<string, unknown> {
  const { $ref } = schema;
  if (typeof $ref !== 'string') return schema;
  const found = $ref
    .split('/')
    .slice(1)
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], description);
  if (found === undefined) throw new Error(`the description refers to ${$ref}, which it does not have`);
  return resolveSchema(description, found as Record<string, unknown>);
}
