import { expect, test } from 'vitest';
import { modelDeployment } from '../testing/fixtures.ts';
import { companionsOf } from './intents.ts';

const of = (replicas: number, peers?: object[]) =>
  companionsOf(modelDeployment({ replicas }), peers);

test('a headless Service leads to the engines’ own port', () => {
  expect(of(1).service).toMatchObject({
    metadata: { name: 'skiff', namespace: 'models', ownerReferences: [{ uid: 'uid-skiff' }] },
    spec: {
      clusterIP: 'None',
      selector: { 'fairlead.dev/model-deployment': 'skiff' },
      ports: [{ name: 'http', port: 8080, targetPort: 'http' }],
    },
  });
});

test('a budget only where one replica may be missing', () => {
  expect(of(2).budget?.spec).toMatchObject({ maxUnavailable: 1 });
  expect(of(1).budget).toBeUndefined();
  expect(of(0).budget).toBeUndefined();
});

test('a policy for the peers and the model’s own pods, unless it is switched off', () => {
  const own = { podSelector: { matchLabels: { 'fairlead.dev/model-deployment': 'skiff' } } };
  const router = { podSelector: { matchLabels: { app: 'router' } } };
  expect(of(1, [router]).policy?.spec).toEqual({
    ...own,
    policyTypes: ['Ingress'],
    ingress: [{ from: [own, router] }],
  });
  expect(of(1).policy).toBeUndefined();
});
