import { expect, test } from 'vitest';
import { modelDeployment, nowMs, replica } from '../testing/fixtures.ts';
import type { Replica } from './replica.ts';
import { type StatusInput, statusOf } from './status.ts';

const within = {
  status: 'False',
  reason: 'WithinBounds',
  message: 'The replicas follow the requests.',
} as const;
const another = { status: 'True', reason: 'AnotherScaler', message: 'hpa' } as const;

const status = (
  deployment: StatusInput['deployment'],
  present: Replica[],
  scaling?: StatusInput['scaling'],
) =>
  statusOf({
    deployment,
    revision: 'new',
    present,
    refusal: undefined,
    loads: [],
    routerUrl: '',
    scaling,
    nowMs,
  });
const of = (type: string, { conditions }: ReturnType<typeof status>) =>
  conditions.find((condition) => condition.type === type);
const autoscaled = (spec: object, before?: StatusInput['deployment']['status']) =>
  modelDeployment({ autoscaling: { maxReplicas: 4, ...spec }, replicas: 0 }, before);

test('ScalingLimited is there with autoscaling alone', () => {
  expect(of('ScalingLimited', status(modelDeployment(), [], within))).toBeUndefined();
  expect(of('ScalingLimited', status(autoscaled({}), [], within))).toMatchObject(within);
});

test('a new leader leaves it as it was until it knows', () => {
  const before = status(autoscaled({}), [], another);
  expect(status(autoscaled({}, before), [], undefined)).toEqual(before);
  expect(of('ScalingLimited', status(autoscaled({}), [], undefined))).toBeUndefined();
});

test('at zero by choice it is available, and says how it comes back', () => {
  const asleep = of('Available', status(autoscaled({ minReplicas: 0 }), [], within));
  expect(asleep).toMatchObject({ status: 'True', reason: 'ScaledToZero' });
  expect(asleep?.message).toBe('There was no request for a while; the next one starts a replica.');
  const others = of('Available', status(autoscaled({ minReplicas: 0 }), [], another));
  expect(others?.message).toBe('spec.replicas is 0.');
});

test('it is available when as many serve as there must be at least', () => {
  const deployment = modelDeployment({
    replicas: 3,
    autoscaling: { minReplicas: 2, maxReplicas: 4 },
  });
  const starting = replica(1, { ready: false });
  expect(of('Available', status(deployment, [replica(0), starting], within))).toMatchObject({
    status: 'False',
    reason: 'Starting',
  });
  expect(of('Available', status(deployment, [replica(0), replica(1)], within))).toMatchObject({
    status: 'True',
    reason: 'ReplicasReady',
  });
});
