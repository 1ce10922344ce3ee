import { apiVersion } from '../object.ts';
import { objectSchema } from './crd.ts';
import type { Definition } from './definitions.ts';
import type { StructuralSchema } from './structural.ts';

/** JSON Schema (draft-07) of a kind, for editors: `# yaml-language-server: $schema=…`. */
export function jsonSchema(definition: Definition): object {
  const { kind } = definition.resource;
  const { properties = {}, ...root } = objectSchema(definition);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: kind,
    ...convert(root),
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      apiVersion: { const: apiVersion },
      kind: { const: kind },
      metadata: { type: 'object' },
      ...Object.fromEntries(
        ['spec', 'status'].flatMap((name) => {
          const schema = properties[name];
          return schema ? [[name, convert(schema)]] : [];
        }),
      ),
    },
    additionalProperties: false,
  };
}

/** Drops what editors do not know and closes objects, so that a misspelt field is marked. */
function convert(schema: StructuralSchema): object {
  const { properties, additionalProperties, items, anyOf, format, ...rest } = schema;
  const pattern = schema['x-kubernetes-validations']?.find((rule) => rule.pattern !== undefined);
  const known = Object.entries(rest).filter(
    ([key, value]) => value !== undefined && !key.startsWith('x-kubernetes-'),
  );
  return {
    ...Object.fromEntries(known),
    ...(pattern && { pattern: pattern.pattern, patternErrorMessage: pattern.message }),
    ...(format === 'date-time' && { format }),
    ...(anyOf && { anyOf }),
    ...(items && { items: convert(items) }),
    ...(additionalProperties && { additionalProperties: convert(additionalProperties) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, value]) => [name, convert(value)]),
      ),
      additionalProperties: schema['x-kubernetes-preserve-unknown-fields'] ?? false,
    }),
  };
}
