import { createHash } from 'node:crypto';
import { featuresOf } from '../../crds/modeldeployment/features.ts';
import { noCache } from '../../crds/modeldeployment/source.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNameOf } from '../../crds/names.ts';
import { adaptersOfRevision } from '../adapters/kinds.ts';

/**
 * A revision names what the user asked of a pod: two specs with one revision need no new pods. It covers
 * the intent and nothing rendered from it, so that another version of the operator, or another default,
 * restarts nothing.
 *
 * Each algorithm is frozen once released, because running pods carry its results. A field that enters the
 * API later joins the newest one only while it differs from its default, for the API server adds defaults
 * to objects that were written before. What cannot be said so needs a new algorithm, first in this list.
 */
const algorithms: readonly ((deployment: ModelDeployment) => unknown)[] = [
  function version1(deployment) {
    const { source, adapters, engine, accelerator, resources, podTemplate, rollout, nodes } =
      deployment.spec;
    return {
      servedNames: [servedNameOf(deployment)],
      source: source.uri,
      sourceSecret: source.secretName,
      sourceCache: source.cache === noCache ? undefined : source.cache,
      adapters: adaptersOfRevision(adapters, engine.type),
      engine: {
        type: engine.type,
        image: engine.image,
        command: engine.command,
        port: engine.port,
        healthPath: engine.healthPath,
        args: engine.args,
        env: engine.env,
        envFrom: engine.envFrom,
        contextLength: engine.contextLength,
        maxConcurrency: engine.maxConcurrency,
        features: featuresOf(engine).toSorted(),
      },
      accelerator: {
        profile: accelerator.profile,
        count: accelerator.count,
      },
      resources,
      podTemplate,
      nodes: nodes > 1 ? nodes : undefined,
      startTimeout: rollout.startTimeout === '1h' ? undefined : rollout.startTimeout,
    };
  },
];

/** The version of the algorithm that names new revisions. */
export const newestAlgorithm = algorithms.length;

/**
 * The revision of the present spec: 8 hexadecimal digits.
 * @param inUse revisions that are kept or have pods; one that another algorithm gives for this spec stays
 */
export function revisionOf(deployment: ModelDeployment, inUse: ReadonlySet<string>): string {
  const candidates = algorithms.map((algorithm) => digest(algorithm(deployment)));
  return candidates.find((revision) => inUse.has(revision)) ?? candidates[0] ?? '';
}

function digest(intent: unknown): string {
  return createHash('sha256').update(canonical(intent)).digest('hex').slice(0, 8);
}

/** JSON with keys in order and without what is undefined. Part of every algorithm: never change it. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join()}}`;
}
