import { z } from 'zod';

/** A rule the API server checks (`x-kubernetes-validations`). */
export interface Rule {
  /** CEL over `self`, the field it stands on. */
  rule: string;
  /** What is allowed. The API server puts the field's path before it. */
  message: string;
  /** Which part of the object the refusal names, relative to `self`. */
  fieldPath?: string;
  /** The same as a regular expression where it is one, for editors. */
  pattern?: string;
}

/** What a field is to Kubernetes, beside its zod schema. */
export interface KubernetesMeta {
  rules?: readonly Rule[];
  /** How server-side apply merges a list. Default `atomic`. */
  listType?: 'atomic' | 'set' | 'map';
  listMapKeys?: readonly string[];
  /** How server-side apply merges a map or an object. Default `granular`. */
  mapType?: 'atomic' | 'granular';
  format?: 'date-time';
  /** How many entries a map may have: zod's records have no check for it. */
  maxProperties?: number;
}

/** Holds the {@link KubernetesMeta} of schemas: `schema.register(kubernetes, {…})`. */
export const kubernetes = z.registry<KubernetesMeta>();

/** The rule that a string matches `pattern` (RE2) from its first to its last character. */
export function matching(pattern: string, message: string): Rule {
  const whole = `^${pattern}$`;
  return { rule: `self.matches(r'${whole}')`, message, pattern: whole };
}

/** A quantity such as `500m` or `2Gi`, or a whole number. */
export const quantity = z.union([z.int(), z.string().max(64)]).register(kubernetes, {
  rules: [
    {
      rule: 'type(self) == int || isQuantity(string(self))',
      message: 'must be a quantity, such as 2, "500m" or "4Gi"',
    },
  ],
});

/** A map of at most `maxProperties` strings. */
export function stringMap(maxProperties: number) {
  return z.record(z.string(), z.string().max(253)).register(kubernetes, { maxProperties });
}

/** metav1.Condition. */
export const condition = z
  .strictObject({
    type: z.string().max(316).describe('Name of the condition, in CamelCase.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
    observedGeneration: z.int().min(0).describe('The metadata.generation it was judged by.'),
    lastTransitionTime: z
      .string()
      .max(64)
      .describe('When the status last changed.')
      .register(kubernetes, { format: 'date-time' }),
    reason: z.string().max(1024).describe('Why, in CamelCase, from a fixed set.'),
    message: z.string().max(32768).describe('Why, and what to do, in words.'),
  })
  .describe('One aspect of the present state.');

/** A status' list of conditions, one of each type. */
export const conditionList = (description: string) =>
  z
    .array(condition)
    .max(16)
    .describe(description)
    .register(kubernetes, { listType: 'map', listMapKeys: ['type'] });
