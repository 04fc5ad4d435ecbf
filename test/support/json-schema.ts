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
