import { afterAll, beforeAll, inject } from 'vitest';
import { createKubectl } from '../support/kubectl.ts';
import type { PodObject } from '../support/models.ts';
import { systemNamespace } from './context.ts';
import { type PortForward, portForward } from './port-forward.ts';

/** What the routers show on their metrics ports. */
export interface RouterMetrics {
  /** The sum of a metric's series with these labels at each router; 0 where it has none. */
  each(name: string, labels?: Record<string, string>): Promise<number[]>;
  /** The same over all routers. */
  sum(name: string, labels?: Record<string, string>): Promise<number>;
}

/** Keeps a way to every router there is when the calling file begins. */
export function useRouterMetrics(): RouterMetrics {
  const access = inject('clusterAccess');
  let forwards: PortForward[] = [];
  beforeAll(async () => {
    const component = 'app.kubernetes.io/component=router';
    const system = createKubectl(access, systemNamespace);
    const { items } = await system.getJson<{ items: PodObject[] }>('pods', '-l', component);
    const running = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    forwards = await Promise.all(
      running.map(({ metadata }) =>
        portForward(access, systemNamespace, `pod/${metadata.name}`, 9090),
      ),
    );
  });
  afterAll(() => Promise.all(forwards.map((forward) => forward.stop())));
  const each: RouterMetrics['each'] = (name, labels = {}) =>
    Promise.all(
      forwards.map(async ({ origin }) =>
        sumOf(await (await fetch(`${origin}/metrics`)).text(), name, labels),
      ),
    );
  return {
    each,
    sum: async (name, labels) => (await each(name, labels)).reduce((sum, one) => sum + one, 0),
  };
}

/** Adds up the series of one metric in Prometheus' text format. */
function sumOf(text: string, name: string, labels: Record<string, string>): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
