import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { claimsAlike } from '../../crds/names.ts';
import { keyOf } from '../../kube/object.ts';
import type { Pod } from '../../kube/resources.ts';
import { buildCatalog, type KnownModels, updateCatalog } from './build.ts';
import { emptyCatalog } from './model.ts';
import { ownerKey } from './replica.ts';

const names = ['a', 'b', 'c'];

function deployment(name: string, servedName: string, message: string): ModelDeployment {
  return {
    metadata: { name, namespace: 'ns', uid: name, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { servedName, replicas: 1, engine: { type: 'LlamaCpp', features: ['Chat'] } },
    status: { conditions: [{ type: 'Ready', status: 'False', message }] },
  } as unknown as ModelDeployment;
}

function pod(name: string, owner: string, status: 'True' | 'False'): Pod {
  const labels = { 'fairlead.dev/model-deployment': owner };
  return {
    metadata: { name, namespace: 'ns', uid: name, labels },
    spec: { containers: [{ name: 'engine', ports: [{ name: 'http', containerPort: 1 }] }] },
    status: { phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'Ready', status }] },
  } as unknown as Pod;
}

const deploymentEvent = fc
  .tuple(fc.constantFrom(...names), fc.constantFrom('a', 'b', 'own'), fc.constantFrom('x', 'y'))
  .map(([name, served, message]) => ({ name, after: deployment(name, served, message) }));
const podEvent = fc
  .tuple(fc.constantFrom('p', 'q', 'r'), fc.constantFrom(...names), fc.boolean())
  .map(([name, owner, ready]) => ({
    name,
    pod: pod(`${owner}-${name}`, owner, ready ? 'True' : 'False'),
  }));
const event = fc.oneof(
  deploymentEvent,
  fc.constantFrom(...names).map((name) => ({ name, after: undefined })),
  podEvent,
  podEvent.map((one) => ({ ...one, gone: true })),
  fc.constantFrom('a-p', 'b-q').map((answers) => ({ answers })),
);

test('a catalog that took every change is the one that is built of all there is', () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 40 }), (events) => {
      const deployments = new Map<string, ModelDeployment>();
      const pods = new Map<string, Pod>();
      const answering = new Set<string>();
      const known: KnownModels = new WeakMap();
      let catalog = emptyCatalog;
      const build = (kept?: KnownModels) =>
        buildCatalog([...deployments.values()], [...pods.values()], [], [], answering, kept);
      for (const one of events) {
        let isStale = false;
        let owner = 'ns/a';
        if ('after' in one) {
          owner = `ns/${one.name}`;
          isStale = !one.after || !claimsAlike(deployments.get(owner), one.after);
          if (one.after) deployments.set(owner, one.after);
          else deployments.delete(owner);
        } else if ('pod' in one) {
          owner = ownerKey(one.pod);
          if ('gone' in one) pods.delete(keyOf(one.pod));
          else pods.set(keyOf(one.pod), one.pod);
        } else {
          owner = `ns/${one.answers[0]}`;
          if (!answering.delete(one.answers)) answering.add(one.answers);
        }
        const own = [...pods.values()].filter((pod) => ownerKey(pod) === owner).reverse();
        const change = { key: owner, deployment: deployments.get(owner), pods: own };
        catalog = isStale ? build(known) : updateCatalog(catalog, [change], answering, known);
        const { byName, models, pods: told } = build();
        expect(catalog.models).toEqual(models);
        expect(catalog.byName).toEqual(byName);
        for (const [key, list] of told)
          expect(new Set(catalog.pods.get(key)), key).toEqual(new Set(list));
        expect(catalog.pods.size).toBe(told.size);
        for (const model of catalog.byName.values()) expect(catalog.models).toContain(model);
      }
    }),
  );
});
