import { expect, test } from 'vitest';
import type { ExternalModel } from '../../crds/externalmodel.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { Secret } from '../../kube/resources.ts';
import { buildCatalog } from './build.ts';
import { targetOf } from './target.ts';

const metadata = (name: string, createdAt = '2026-01-01T00:00:00Z') => ({
  name,
  namespace: 'team',
  uid: `uid-${name}`,
  resourceVersion: '1',
  generation: 1,
  creationTimestamp: createdAt,
});

function external(name: string, spec: object, createdAt?: string): ExternalModel {
  return {
    metadata: metadata(name, createdAt),
    spec: { baseURL: 'https://api.example/api/v1', ...spec },
  } as unknown as ExternalModel;
}

function secret(name: string, fields: Record<string, string>, version = '7'): Secret {
  const data = Object.entries(fields).map(([field, text]) => [
    field,
    Buffer.from(text).toString('base64'),
  ]);
  return {
    metadata: { ...metadata(name), resourceVersion: version },
    data: Object.fromEntries(data),
  } as unknown as Secret;
}

const modelOf = (object: ExternalModel, ...secrets: Secret[]) =>
  buildCatalog([], [], [object], secrets).models[0];

test('an ExternalModel is a model with one replica, which is where its URL says', () => {
  const model = modelOf(external('gpt', { upstreamModel: 'vendor/gpt-9', maxInFlight: 4 }));
  expect(model).toMatchObject({
    kind: 'ExternalModel',
    servedName: 'gpt',
    engineName: 'vendor/gpt-9',
    namespace: 'team',
    counts: { desired: 1, ready: 1 },
    maxInFlight: 4,
    notReadyMessage: undefined,
    replicas: [{ pod: '', host: 'api.example', port: 443 }],
  });
  expect(model?.replicas[0]?.external).toEqual({
    tls: true,
    basePath: '/api/v1',
    headers: [],
    ca: undefined,
  });
});

test.each([
  ['http://vllm.lab:8000/v1/', { host: 'vllm.lab', port: 8000 }, '/v1', false],
  ['http://10.1.2.3', { host: '10.1.2.3', port: 80 }, '', false],
  ['https://[fd00::1]/x', { host: '[fd00::1]', port: 443 }, '/x', true],
])('%s is read', (baseURL, address, basePath, tls) => {
  const replica = modelOf(external('m', { baseURL }))?.replicas[0];
  expect(replica).toMatchObject({ ...address, external: { basePath, tls } });
});

test('every name of it leads to it', () => {
  const object = external('m', { servedName: 'org/m', aliases: ['gpt-4o'], upstreamModel: 'up' });
  const catalog = buildCatalog([], [], [object]);
  expect(targetOf(catalog, 'org/m')?.engineName).toBe('up');
  expect(targetOf(catalog, 'gpt-4o')?.engineName).toBe('up');
  expect(targetOf(catalog, 'm')).toBeUndefined();
});

test('its key goes as a bearer token or in a header of its own', () => {
  const key = secret('vendor', { key: 'sk-vendor\n' });
  const headers = (spec: object) =>
    modelOf(external('m', spec), key)?.replicas[0]?.external?.headers;
  expect(headers({ secretName: 'vendor' })).toEqual(['authorization', 'Bearer sk-vendor']);
  expect(headers({ secretName: 'vendor', keyHeader: 'x-api-key' })).toEqual([
    'x-api-key',
    'sk-vendor',
  ]);
});

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

test('other certificates make another replica, so that its connections are new; another key does not', () => {
  const object = external('m', { secretName: 'vendor', tls: { caSecretName: 'ca' } });
  const idWith = (keyVersion: string, caVersion: string) =>
    modelOf(
      object,
      secret('vendor', { key: `k${keyVersion}` }, keyVersion),
      secret('ca', { 'ca.crt': pem }, caVersion),
    )?.replicas[0]?.id;
  expect(idWith('8', '7')).toBe(idWith('7', '7'));
  expect(idWith('7', '8')).not.toBe(idWith('7', '7'));
});

test.each([
  ['no Secret', { secretName: 'gone' }, /^spec\.secretName: there is no Secret "gone" with the/],
  ['a Secret without the field', { secretName: 'empty' }, /the field key of the Secret "empty"/],
  ['a key of two lines', { secretName: 'lines' }, /the field key of the Secret "lines"/],
  ['no certificates', { tls: { caSecretName: 'empty' } }, /caSecretName: the field ca\.crt/],
])('with %s nothing is sent, and it is said why', (_what, spec, says) => {
  const secrets = [secret('empty', {}), secret('lines', { key: 'canary-a\ncanary-b' })];
  const model = modelOf(external('m', spec), ...secrets);
  expect(model).toMatchObject({ replicas: [], counts: { ready: 0 } });
  expect(model?.notReadyMessage).toMatch(says);
  expect(model?.notReadyMessage).not.toContain('canary');
});

test('a Secret of another namespace is not taken', () => {
  const other = secret('vendor', { key: 'k' });
  other.metadata.namespace = 'elsewhere';
  expect(modelOf(external('m', { secretName: 'vendor' }), other)?.replicas).toEqual([]);
});

test.each([
  ['2025-01-01T00:00:00Z', 'ExternalModel'],
  ['2027-01-01T00:00:00Z', 'ModelDeployment'],
])('a name that a ModelDeployment claims too is the older one’s', (createdAt, kind) => {
  const deployment = {
    metadata: metadata('d'),
    spec: { servedName: 'shared', engine: { type: 'LlamaCpp' }, replicas: 1 },
  } as unknown as ModelDeployment;
  const rival = external('x', { servedName: 'shared' }, createdAt);
  expect(buildCatalog([deployment], [], [rival]).byName.get('shared')?.kind).toBe(kind);
});
