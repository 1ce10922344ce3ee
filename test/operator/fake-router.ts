import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeClient } from '../../kube/client.ts';
import { Pods } from '../../kube/resources.ts';
import {
  type DemandMessage,
  demandPath,
  encodeDemand,
  heartbeatMs,
} from '../../protocol/demand.ts';

/** The load of one model, by its name in the namespace `default`. */
export interface SaidLoad {
  inFlight?: number;
  held?: number;
}

/** A router that only speaks: it serves a demand stream and says what a test tells it to. */
export interface FakeRouter {
  /** Operators that follow it. */
  followers(): number;
  /** Says that a model has this load from now on. @returns when, on the monotonic clock */
  say(name: string, load: SaidLoad): number;
  close(): Promise<void>;
}

/** Starts one, and makes the Pod object by which operators find it: Ready, at the machine's loopback. */
export async function startFakeRouter(client: KubeClient, name: string): Promise<FakeRouter> {
  const models = new Map<string, DemandMessage['models'][number]>();
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.url !== demandPath) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200);
    response.write(
      encodeDemand({ full: true, router: name, models: [...models.values()], pods: [] }),
    );
    streams.add(response);
    response.on('close', () => streams.delete(response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const heart = setInterval(() => {
    for (const stream of streams) stream.write(encodeDemand({ full: false, models: [], pods: [] }));
  }, heartbeatMs / 2);
  await makePod(client, name, (server.address() as AddressInfo).port);
  return {
    followers: () => streams.size,
    say(model, { inFlight = 0, held = 0 }) {
      const arrivals = (models.get(model)?.arrivals ?? 0) + 1;
      const said = {
        namespace: 'default',
        name: model,
        inFlight,
        held,
        arrivals,
        pendingTokens: 0,
      };
      models.set(model, said);
      const line = encodeDemand({ full: false, models: [said], pods: [] });
      const atMs = performance.now();
      for (const stream of streams) stream.write(line);
      return atMs;
    },
    async close() {
      clearInterval(heart);
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function makePod(client: KubeClient, name: string, port: number): Promise<void> {
  const ref = { name, namespace: 'default' };
  const labels = {
    'app.kubernetes.io/name': 'fairlead',
    'app.kubernetes.io/component': 'router',
    'app.kubernetes.io/managed-by': 'test',
  };
  const ports = [{ name: 'metrics', containerPort: port }];
  await client.create(Pods, {
    metadata: { ...ref, labels },
    spec: { containers: [{ name: 'router', image: 'none', ports }] },
  } as never);
  const ready = { type: 'Ready', status: 'True', lastTransitionTime: '2026-11-21T12:00:00Z' };
  const status = {
    phase: 'Running',
    podIP: '127.0.0.1',
    podIPs: [{ ip: '127.0.0.1' }],
    conditions: [ready],
  };
  await client.patch(Pods, ref, { status }, { patchType: 'merge', subresource: 'status' });
}
