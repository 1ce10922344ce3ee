import type { z } from 'zod';
import { kubernetes, type Rule } from '../kubernetes.ts';

/** The part of apiextensions.k8s.io/v1 JSONSchemaProps that this generator writes. */
export interface StructuralSchema {
  description?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  format?: string;
  default?: unknown;
  enum?: string[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  required?: string[];
  properties?: Record<string, StructuralSchema>;
  additionalProperties?: StructuralSchema;
  items?: StructuralSchema;
  anyOf?: StructuralSchema[];
  'x-kubernetes-int-or-string'?: true;
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-validations'?: readonly Rule[];
}

/** The zod schema says something that would be lost in the CRD. */
export class GenerationError extends Error {
  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`);
    this.name = 'GenerationError';
  }
}

/**
 * Turns a zod schema into a structural schema.
 * @param path where it stands, for the error
 * @throws GenerationError for anything without a counterpart, without a bound or without a description
 */
export function structural(schema: z.core.$ZodType, path: string): StructuralSchema {
  const { inner, defaultValue, isOptional } = unwrap(schema, path);
  if (isOptional) throw new GenerationError(path, 'optional is allowed on properties alone');
  if (inner !== schema && kubernetes.has(schema as z.ZodType))
    throw new GenerationError(path, 'register() must stand before default() or prefault()');
  const result = {
    ...described(schema, inner, path),
    ...bare(inner, path),
    ...extensions(inner, path),
    ...(defaultValue !== undefined && { default: defaultValue }),
  };
  requireBounds(result, path);
  return result;
}

interface Unwrapped {
  inner: z.core.$ZodType;
  defaultValue: unknown;
  isOptional: boolean;
}

/** Takes off optional, default and prefault, which say something about the property, not its value. */
function unwrap(schema: z.core.$ZodType, path: string): Unwrapped {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'optional') return { ...unwrap(def.innerType, path), isOptional: true };
  if (def.type === 'default' || def.type === 'prefault') {
    const deeper = unwrap(def.innerType, path);
    if (deeper.isOptional || deeper.defaultValue !== undefined)
      throw new GenerationError(path, 'a default may not hold an optional or another default');
    return { ...deeper, defaultValue: def.defaultValue };
  }
  return { inner: schema, defaultValue: undefined, isOptional: false };
}

function described(outer: z.core.$ZodType, inner: z.core.$ZodType, path: string) {
  const description = describe(outer) ?? describe(inner);
  // Units of a quantity need no words; everything a user meets by name does.
  if (description === undefined && !/[[\]*]$/.test(path))
    throw new GenerationError(path, 'has no description');
  return description === undefined ? {} : { description };
}

function describe(schema: z.core.$ZodType): string | undefined {
  return (schema as z.ZodType).description;
}

function bare(schema: z.core.$ZodType, path: string): StructuralSchema {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return objectSchema(def, path);
    case 'array':
      return {
        type: 'array',
        ...limits(def.checks, 'Items', path),
        items: structural(def.element, `${path}[]`),
      };
    case 'record':
      requireAnyKey(def.keyType, path);
      return { type: 'object', additionalProperties: structural(def.valueType, `${path}[*]`) };
    case 'string':
      return { type: 'string', ...limits(def.checks, 'Length', path) };
    case 'number':
      return numberSchema(def, path);
    case 'boolean':
      return { type: 'boolean', ...limits(def.checks, 'Length', path) };
    case 'enum':
      return { type: 'string', enum: Object.values(def.entries).map(String) };
    case 'union':
      return intOrString(def.options, path);
    default:
      throw new GenerationError(path, `zod's ${def.type} has no counterpart in a CRD`);
  }
}

function objectSchema(def: z.core.$ZodObjectDef, path: string): StructuralSchema {
  const others = (def.catchall as z.core.$ZodTypes | undefined)?._zod.def.type;
  if (others !== 'never' && others !== 'unknown')
    throw new GenerationError(
      path,
      'must be a strictObject, for unknown fields are pruned, or a looseObject',
    );
  const properties: Record<string, StructuralSchema> = {};
  const required: string[] = [];
  for (const [name, property] of Object.entries(def.shape)) {
    const at = `${path}.${name}`;
    const { isOptional, defaultValue } = unwrap(property, at);
    const outer = describe(property);
    const value = isOptional ? innerOf(property) : property;
    properties[name] = { ...(outer && { description: outer }), ...structural(value, at) };
    if (!isOptional && defaultValue === undefined) required.push(name);
  }
  return {
    type: 'object',
    ...(required.length > 0 && { required }),
    properties,
    ...(others === 'unknown' && { 'x-kubernetes-preserve-unknown-fields': true }),
  };
}

function innerOf(schema: z.core.$ZodType): z.core.$ZodType {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === 'optional' ? def.innerType : schema;
}

function numberSchema(def: z.core.$ZodNumberDef, path: string): StructuralSchema {
  const formats: Record<string, string> = { int32: 'int32', safeint: 'int64' };
  const result: StructuralSchema = { type: 'integer' };
  const take = (check: z.core.$ZodCheckDef | z.core.$ZodNumberDef) => {
    const { check: kind, format, value, inclusive } = check as unknown as Record<string, unknown>;
    if (kind === 'number_format') {
      const known = formats[String(format)];
      if (known === undefined) throw new GenerationError(path, `number format ${String(format)}`);
      result.format = known;
    } else if (kind === 'greater_than' && inclusive === true) result.minimum = Number(value);
    else if (kind === 'less_than' && inclusive === true) result.maximum = Number(value);
    else throw new GenerationError(path, `check ${String(kind)} on a number`);
  };
  if ('format' in def) take(def);
  for (const check of def.checks ?? []) take(check._zod.def);
  if (result.format === undefined) throw new GenerationError(path, 'a number must be whole');
  return result;
}

/** Only what Kubernetes calls int-or-string, for quantities. */
function intOrString(options: readonly z.core.$ZodType[], path: string): StructuralSchema {
  const schemas = options.map((option) => bare(option, path));
  const text = schemas.find(({ type }) => type === 'string');
  if (schemas.length !== 2 || text === undefined || !schemas.some(({ type }) => type === 'integer'))
    throw new GenerationError(path, 'a union is allowed as int-or-string alone');
  const { type: _, ...bounds } = text;
  return {
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
    ...bounds,
  };
}

function requireAnyKey(keyType: z.core.$ZodType, path: string): void {
  const { def } = (keyType as z.core.$ZodTypes)._zod;
  if (def.type !== 'string' || (def.checks ?? []).length > 0)
    throw new GenerationError(path, 'a CRD cannot limit the keys of a map: use z.string()');
}

function limits(
  checks: readonly z.core.$ZodCheck<never>[] | undefined,
  unit: 'Length' | 'Items',
  path: string,
): StructuralSchema {
  const result: StructuralSchema = {};
  for (const { _zod } of checks ?? []) {
    const def = _zod.def as z.core.$ZodCheckDef & { maximum?: number; minimum?: number };
    if (def.check === 'max_length' && def.maximum !== undefined) result[`max${unit}`] = def.maximum;
    else if (def.check === 'min_length' && def.minimum !== undefined)
      result[`min${unit}`] = def.minimum;
    else throw new GenerationError(path, `check ${def.check}; write a rule with a message instead`);
  }
  return result;
}

function extensions(schema: z.core.$ZodType, path: string): StructuralSchema {
  const { rules, listType, listMapKeys, mapType, format, maxProperties, ...unknown } =
    kubernetes.get(schema as z.ZodType) ?? {};
  if (Object.keys(unknown).length > 0)
    throw new GenerationError(path, `unknown metadata ${Object.keys(unknown)}`);
  return {
    ...(rules && { 'x-kubernetes-validations': rules }),
    ...(listType && { 'x-kubernetes-list-type': listType }),
    ...(listMapKeys && { 'x-kubernetes-list-map-keys': listMapKeys }),
    ...(mapType && { 'x-kubernetes-map-type': mapType }),
    ...(format && { format }),
    ...(maxProperties !== undefined && { maxProperties }),
  };
}

/** Without bounds the API server must assume the worst when it weighs the cost of a rule. */
function requireBounds(schema: StructuralSchema, path: string): void {
  const { type, enum: values, maxLength, maxItems, additionalProperties, maxProperties } = schema;
  if (type === 'string' && values === undefined && maxLength === undefined)
    throw new GenerationError(path, 'a string needs max()');
  if (type === 'array' && maxItems === undefined)
    throw new GenerationError(path, 'an array needs max()');
  if (additionalProperties !== undefined && maxProperties === undefined)
    throw new GenerationError(path, 'a map needs maxProperties');
}
