import { expect, test } from 'vitest';
import { AcceleratorProfiles } from '../../crds/acceleratorprofile.ts';
import { ExternalModels } from '../../crds/externalmodel.ts';
import { objectSchema } from '../../crds/generate/crd.ts';
import { definitions } from '../../crds/generate/definitions.ts';
import type { StructuralSchema } from '../../crds/generate/structural.ts';
import { ModelDeployments } from '../../crds/modeldeployment.ts';
import { refusalOf, useApiServer } from './api-server.ts';
import { maximalObjects } from './maximal.ts';
import { acceleratorProfile, externalModel, modelDeployment } from './objects.ts';

const api = useApiServer('crds-bounds');

/** Where a value stands: property names, and numbers for list items. */
type Path = readonly (string | number)[];

/** A value that the schema forbids at one place. */
interface Violation {
  path: Path;
  value: unknown;
  what: string;
}

const sample: Readonly<Record<string, unknown>> = {
  name: 'A',
  key: 'k',
  type: 'LlamaCpp',
  uri: 'oci://local.test/a',
  resourceName: 'example.com/gpu',
  baseURL: 'https://api.example/v1',
};

/** One violation of each bound at each place of a schema, derived from the schema itself. */
function violations(schema: StructuralSchema, path: Path): Violation[] {
  const found: Violation[] = [];
  const add = (what: string, value: unknown) => found.push({ path, value, what });
  const { type, maxLength, minLength, minimum, maximum, minItems, maxItems, maxProperties } =
    schema;
  if (type === 'string' && maxLength !== undefined) add('too long', 'x'.repeat(maxLength + 1));
  if (minLength !== undefined) add('too short', '');
  if (schema.enum) add('not in the list', 'Abacus');
  if (minimum !== undefined) add('too small', minimum - 1);
  if (maximum !== undefined) add('too large', maximum + 1);
  if (minItems !== undefined) add('too few', []);
  const item = schema.items && valid(schema.items);
  if (maxItems !== undefined)
    add(
      'too many',
      Array.from({ length: maxItems + 1 }, (_, index) => numbered(item, index)),
    );
  if (maxProperties !== undefined) {
    const keys = Array.from({ length: maxProperties + 1 }, (_, index) => [`k${index}`, '1']);
    add('too many', Object.fromEntries(keys));
  }
  if (type === 'integer') add('a string', 'many');
  if (type === 'string') add('a number', 7);
  for (const name of schema.required ?? [])
    found.push({ path: [...path, name], value: undefined, what: 'missing' });
  for (const [name, child] of Object.entries(schema.properties ?? {}))
    found.push(...violations(child, [...path, name]));
  if (schema.items) found.push(...violations(schema.items, [...path, 0]));
  return found;
}

/** The smallest value that a schema allows. */
function valid(schema: StructuralSchema): unknown {
  if (schema.enum) return schema.enum[0];
  if (schema.type === 'object') {
    const names = schema.required ?? [];
    return Object.fromEntries(
      names.map((name) => [name, sample[name] ?? valid(schema.properties?.[name] ?? {})]),
    );
  }
  if (schema.type === 'array') return [];
  return schema.type === 'integer' ? (schema.minimum ?? 0) : 'x';
}

/** Items of lists with keys or sets must differ. */
function numbered(item: unknown, index: number): unknown {
  if (typeof item !== 'object' || item === null) return item;
  return 'name' in item ? { ...item, name: `A${index}` } : item;
}

/** `root` with `value` at `path`; what is missing on the way is made. */
function withValue(root: unknown, schema: StructuralSchema, path: Path, value: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return value;
  if (typeof head === 'number')
    return [withValue(valid(schema.items ?? {}), schema.items ?? {}, rest, value)];
  const child = schema.properties?.[head] ?? {};
  const object = { ...(root as Record<string, unknown>) };
  const inner = withValue(object[head] ?? valid(child), child, rest, value);
  if (inner === undefined) delete object[head];
  else object[head] = inner;
  return object;
}

const shown = (path: Path) =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .slice(1);

const cases = definitions.flatMap((definition) => {
  const spec = objectSchema(definition).properties?.spec ?? {};
  return violations(spec, []).map((violation) => ({
    ...violation,
    kind: definition.resource.kind,
    spec,
    field: shown(['spec', ...violation.path]),
  }));
});

/** How an object of each kind is written, with nothing in its spec but what is given. */
const writers: Readonly<Record<string, (spec: object) => Promise<unknown>>> = {
  ModelDeployment: (spec) =>
    api
      .client()
      .create(
        ModelDeployments,
        modelDeployment('bound', { engine: undefined, source: undefined, ...spec }),
      ),
  AcceleratorProfile: (spec) =>
    api
      .client()
      .create(
        AcceleratorProfiles,
        acceleratorProfile('bound', { resourceName: undefined, ...spec }),
      ),
  ExternalModel: (spec) =>
    api.client().create(ExternalModels, externalModel('bound', { baseURL: undefined, ...spec })),
};
const bases: Readonly<Record<string, unknown>> = {
  ModelDeployment: modelDeployment('bound').spec,
  AcceleratorProfile: acceleratorProfile('bound').spec,
  ExternalModel: externalModel('bound').spec,
};

test('cases are derived for every kind', () => {
  expect(new Set(cases.map(({ kind }) => kind))).toEqual(new Set(Object.keys(writers)));
  expect(cases.length).toBeGreaterThan(70);
});

test.each(cases)(
  '$kind: $field is refused when $what',
  async ({ kind, spec, path, value, field }) => {
    const wrong = withValue(bases[kind], spec, path, value) as object;
    const written = writers[kind]!(wrong);
    const causes = await refusalOf(written);
    expect(
      causes.some((cause) => cause.startsWith(`${field}:`) || cause.startsWith(`${field}[`)),
      causes.join('\n'),
    ).toBe(true);
  },
);

test('maximal objects are accepted: the cost of the rules stays within its budget', async () => {
  const { ModelDeployment, AcceleratorProfile, ExternalModel } = maximalObjects();
  for (const object of ModelDeployment) await api.client().create(ModelDeployments, object);
  for (const object of AcceleratorProfile) await api.client().create(AcceleratorProfiles, object);
  for (const object of ExternalModel) await api.client().create(ExternalModels, object);
});

test('maximal objects leave no field out', () => {
  const made: Record<string, readonly { spec?: unknown }[]> = maximalObjects();
  for (const definition of definitions) {
    const { kind } = definition.resource;
    const { spec = {} } = objectSchema(definition).properties ?? {};
    const specs = (made[kind] ?? []).map((object) => object.spec);
    expect(leftOut(spec, kind, specs)).toEqual([]);
  }
});

/** The fields of a schema that none of these values has. */
function leftOut(schema: StructuralSchema, path: string, values: readonly unknown[]): string[] {
  const present = values.filter((value) => value !== undefined);
  if (present.length === 0) return [path];
  if (schema.items) return leftOut(schema.items, `${path}[]`, present.flat());
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    leftOut(
      child,
      `${path}.${name}`,
      present.map((value) => Reflect.get(value as object, name)),
    ),
  );
}
