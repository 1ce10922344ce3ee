import { expect, test } from 'vitest';
import { expose } from '../../telemetry/exposition.ts';
import { createRegistry, createRouterMetrics } from '../../telemetry/metrics.ts';
import type { Model, Replica } from '../catalog/model.ts';
import { showBackends } from './metered.ts';

const replica = (pod: string) => ({ id: pod, pod, host: '10.0.0.1', namespace: 'ns' }) as Replica;
const balancer = { inFlight: () => 2, pendingTokens: () => 70 } as unknown as Parameters<
  typeof showBackends
>[0];

test('a replica that is left out is down, one that has gone is no series at all', async () => {
  const registry = createRegistry('test', '0');
  const metrics = createRouterMetrics(registry);
  const [good, ejected, gone] = [replica('m-0'), replica('m-1'), replica('m-2')];
  const show = (replicas: Replica[]) =>
    showBackends(balancer, { admit: (all) => all.filter((one) => one !== ejected) }, metrics, [
      { servedName: 'm', replicas } as unknown as Model,
    ]);
  show([good, ejected, gone]);
  show([good, ejected]);
  const shown = (await expose(registry)).body.match(/^fairlead_backend_.*$/gm);
  const of = (pod: string) => `{gen_ai_request_model="m",namespace="ns",backend="${pod}"}`;
  expect(shown).toEqual([
    `fairlead_backend_up${of('m-0')} 1`,
    `fairlead_backend_up${of('m-1')} 0`,
    `fairlead_backend_requests_in_flight${of('m-0')} 2`,
    `fairlead_backend_requests_in_flight${of('m-1')} 2`,
    `fairlead_backend_pending_tokens${of('m-0')} 70`,
    `fairlead_backend_pending_tokens${of('m-1')} 70`,
  ]);
});
