import type { Definition } from './definitions.ts';
import { type StructuralSchema, structural } from './structural.ts';

/** The schema of a whole object of this kind. */
export function objectSchema(definition: Definition): StructuralSchema {
  const { resource, description, spec, status, rules } = definition;
  const root = resource.kind;
  return {
    description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      // Named so that a rule's fieldPath may point at it.
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
      spec: structural(spec, `${root}.spec`),
      ...(status && { status: structural(status, `${root}.status`) }),
    },
    'x-kubernetes-validations': rules,
  };
}

/** The CustomResourceDefinition of a kind. */
export function customResourceDefinition(definition: Definition): object {
  const { resource, singular, shortNames, columns, scale, status } = definition;
  const { group, version, kind, plural, namespaced } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        ...(shortNames.length > 0 && { shortNames }),
        categories: ['fairlead'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: columns,
          ...((status || scale) && {
            subresources: { ...(status && { status: {} }), ...(scale && { scale }) },
          }),
          schema: { openAPIV3Schema: withoutPatterns(objectSchema(definition)) },
        },
      ],
    },
  };
}

/** Patterns of rules are for editors; the API server knows the rules. */
function withoutPatterns(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPatterns);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, inner]) => {
    if (inner === undefined) return [];
    if (key !== 'x-kubernetes-validations') return [[key, withoutPatterns(inner)] as const];
    const rules = (inner as readonly { pattern?: string }[]).map(({ pattern: _, ...rule }) => rule);
    return [[key, rules] as const];
  });
  return Object.fromEntries(entries);
}
