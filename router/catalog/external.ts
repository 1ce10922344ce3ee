import { readCredentials } from '../../crds/external-secrets.ts';
import type { ExternalModel } from '../../crds/externalmodel.ts';
import { features } from '../../crds/modeldeployment/features.ts';
import { servedNameOf } from '../../crds/names.ts';
import type { Secret } from '../../kube/resources.ts';
import type { Model, Replica } from './model.ts';
import { routingOf, timeoutsOf } from './routing.ts';

/**
 * Makes a model of an ExternalModel: one replica, which is always ready, or none while something is
 * wrong with its Secrets. Its endpoint alone knows what it offers, so every feature passes.
 * @param secrets by `namespace/name`
 */
export function externalModelOf(
  object: ExternalModel,
  secrets: ReadonlyMap<string, Secret>,
): Model {
  const { metadata, spec } = object;
  const { namespace = '', name } = metadata;
  const servedName = servedNameOf(object);
  const credentials = readCredentials(object, (secret) => secrets.get(`${namespace}/${secret}`));
  const replicas: Replica[] = [];
  if (!('problem' in credentials)) {
    const { caSecretName = '' } = spec.tls ?? {};
    const caVersion = secrets.get(`${namespace}/${caSecretName}`)?.metadata.resourceVersion ?? '';
    replicas.push({
      // Connections are kept by it: a change of what they depend on makes new ones.
      id: [metadata.uid, metadata.generation, caVersion].join('/'),
      pod: '',
      namespace,
      revision: '',
      ...addressOf(spec.baseURL),
      external: {
        tls: spec.baseURL.startsWith('https:'),
        basePath: new URL(spec.baseURL).pathname.replace(/\/+$/, ''),
        headers: keyHeaders(credentials.key, spec.keyHeader),
        ca: credentials.ca,
      },
    });
  }
  return {
    kind: 'ExternalModel',
    servedName,
    aliases: spec.aliases ?? [],
    adapters: [],
    engineName: spec.upstreamModel ?? servedName,
    namespace,
    name,
    key: `${namespace}/${name}`,
    createdS: Math.floor(Date.parse(metadata.creationTimestamp) / 1000),
    features: new Set(features),
    replicas,
    counts: { desired: 1, ready: replicas.length, starting: 0, terminating: 0 },
    runtime: 'external',
    tellsTokens: false,
    tellsMemory: false,
    routing: { ...routingOf(), timeouts: timeoutsOf(spec.timeouts) },
    maxInFlight: spec.maxInFlight,
    concurrency: Number.POSITIVE_INFINITY,
    hold: undefined,
    notReadyMessage: 'problem' in credentials ? credentials.problem : undefined,
  };
}

function addressOf(baseURL: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(baseURL);
  const usual = protocol === 'https:' ? 443 : 80;
  return { host: hostname, port: port === '' ? usual : Number(port) };
}

function keyHeaders(key: string | undefined, header: string | undefined): string[] {
  if (key === undefined) return [];
  return header === undefined ? ['authorization', `Bearer ${key}`] : [header, key];
}
