import type { z } from 'zod';
import {
  apiKeyKind,
  kvEventsPort,
  kvReplayPort,
  modelDeploymentLabel,
  revisionLabel,
  secretKindLabel,
} from '../../crds/labels.ts';
import { holdSpec } from '../../crds/modeldeployment/autoscaling.ts';
import type { CanaryStatus } from '../../crds/modeldeployment/canary.ts';
import type { EngineType } from '../../crds/modeldeployment/engine.ts';
import type { Feature } from '../../crds/modeldeployment/features.ts';
import { routingSpec } from '../../crds/modeldeployment/routing.ts';
import { createClient } from '../../kube/client.ts';
import type { Logger } from '../../kube/logger.ts';
import { type ScriptedServer, startScriptedServer } from '../../kube/testing/scripted-server.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { type Tracing, untraced } from '../../telemetry/tracing.ts';
import { type RouterConfig, readConfig } from '../config.ts';
import { type Router, startRouter } from '../router.ts';

const deployments = '/apis/fairlead.dev/v1alpha1/modeldeployments';
const pods = '/api/v1/pods';
export const secrets = '/api/v1/secrets';

/** Where the pods of routers are. */
export const routersNamespace = 'fairlead';

/** A router on free ports of the loopback that watches a scripted API server. */
export interface TestRouter extends Router {
  readonly api: ScriptedServer;
  /** What the access log got, line by line. */
  readonly logged: Record<string, unknown>[];
  /** Everything that was logged, the access log and all else: fields and message. */
  readonly everyLine: (readonly [object, string])[];
  /** Puts a ModelDeployment; waits for nothing. */
  putModel(name: string, spec?: ModelSpec): void;
  removeModel(name: string): void;
  /** Puts a pod of a model; it is ready unless told otherwise. */
  putPod(model: string, name: string, port: number, state?: PodSpec): void;
  removePod(name: string): void;
  /** Puts a pod of a router, at the internal address of that router. */
  putRouter(name: string, internalAddress: string): void;
  removeRouter(name: string): void;
  /** Puts a Secret into the namespace `keys`, with the label of an API key. */
  putKey(name: string, fields: { key?: string; sha256?: string; policy?: string }): void;
  removeKey(name: string): void;
  /** Waits until the router lists a model with this many ready replicas. */
  untilReplicas(model: string, ready: number, apiKey?: string): Promise<void>;
  metrics(accept?: string): Promise<string>;
  stop(): Promise<void>;
}

export interface ModelSpec {
  servedName?: string;
  engine?: EngineType;
  aliases?: string[];
  /** Names of adapters. */
  adapters?: string[];
  features?: Feature[];
  notReadyMessage?: string;
  /** `spec.replicas`; 1 unless told otherwise. */
  replicas?: number;
  paused?: boolean;
  /** Absent: no `spec.autoscaling`. */
  hold?: z.input<typeof holdSpec>;
  maxConcurrency?: number;
  /** `status.canary`, as far as the router reads it. */
  canary?: Partial<CanaryStatus>;
  routing?: z.input<typeof routingSpec>;
}

export interface PodSpec {
  ready?: boolean;
  /** Since when it is ready or not, in seconds after its start; 0 unless told otherwise. */
  sinceS?: number;
  /** Where its engine tells what its prefix cache holds; absent: it does not. */
  kvEvents?: { readonly port: number; readonly replayPort: number };
  /** Path of its readiness probe; absent: it has none, and the router does not ask it either. */
  healthPath?: string;
  annotations?: Record<string, string>;
  revision?: string;
  deletionTimestamp?: string;
}

/** Starts a router and its API server, or that of another; times are short, ports free. */
export async function startTestRouter(
  overrides: Partial<RouterConfig> = {},
  tracing: Tracing = untraced,
  beside?: TestRouter,
): Promise<TestRouter> {
  const api = beside?.api ?? (await startScriptedServer());
  const client = createClient(api.config);
  const logged: Record<string, unknown>[] = [];
  const everyLine: (readonly [object, string])[] = [];
  const write = (fields: object, message: string) => {
    everyLine.push([fields, message]);
    if (message === 'request') logged.push({ ...fields });
  };
  const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log };
  const config: RouterConfig = {
    ...readConfig({}),
    host: '127.0.0.1',
    port: 0,
    internalPort: 0,
    lameDuckMs: 0,
    drainTimeoutMs: 2_000,
    ...overrides,
  };
  const router = await startRouter({
    config,
    client,
    log,
    accessLog: log,
    tracing,
    version: '0.0.0-test',
  });
  await eventually('the router is ready', () => router.isReady());
  let stopped: Promise<void> | undefined;
  const shutdown = () => {
    stopped ??= router.shutdown();
    return stopped;
  };
  const listed = async (apiKey = 'none') => {
    const headers = { authorization: `Bearer ${apiKey}` };
    const answer = await fetch(`${router.address}/v1/models`, { headers });
    const { data = [] } = (await answer.json()) as {
      data?: { id: string; fairlead: { ready_replicas: number } }[];
    };
    return data;
  };
  return {
    ...router,
    api,
    logged,
    everyLine,
    shutdown,
    putModel(
      name,
      { servedName, aliases, engine = 'LlamaCpp', notReadyMessage, routing, ...rest } = {},
    ) {
      const { features = ['Chat', 'Completions'], adapters, hold, replicas = 1 } = rest;
      const { paused, maxConcurrency, canary } = rest;
      api.state.put(deployments, `default/${name}`, {
        metadata: { name, namespace: 'default' },
        spec: {
          servedName,
          aliases,
          adapters: adapters?.map((adapter) => ({ name: adapter })),
          engine: { type: engine, features, maxConcurrency },
          replicas,
          paused,
          autoscaling: hold && { hold: holdSpec.parse(hold) },
          routing: routingSpec.parse(routing ?? {}),
        },
        status: { canary, conditions: notReadyMessage ? [notReady(notReadyMessage)] : [] },
      });
    },
    putPod(model, name, port, { ready = true, sinceS = 0, ...rest } = {}) {
      const { healthPath, annotations, revision = 'r1', deletionTimestamp, kvEvents } = rest;
      const ports = [{ name: 'http', containerPort: port }];
      if (kvEvents) {
        ports.push({ name: kvEventsPort, containerPort: kvEvents.port });
        ports.push({ name: kvReplayPort, containerPort: kvEvents.replayPort });
      }
      const readinessProbe = healthPath && { httpGet: { path: healthPath, port: 'http' } };
      const startedAtMs = Date.UTC(2026, 10, 21);
      const at = (second: number) => new Date(startedAtMs + second * 1000).toISOString();
      api.state.put(pods, `default/${name}`, {
        metadata: {
          name,
          namespace: 'default',
          labels: { [modelDeploymentLabel]: model, [revisionLabel]: revision },
          annotations,
          deletionTimestamp,
        },
        spec: { containers: [{ name: 'engine', ports, readinessProbe }] },
        status: {
          phase: 'Running',
          podIP: '127.0.0.1',
          startTime: at(0),
          containerStatuses: [{ name: 'engine', containerID: `${name}-c1` }],
          conditions: [
            { type: 'Initialized', status: 'True', lastTransitionTime: at(0) },
            { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: at(sinceS) },
          ],
        },
      });
    },
    putRouter(name, internalAddress) {
      const containerPort = Number(new URL(internalAddress).port);
      api.state.put(pods, `${routersNamespace}/${name}`, {
        metadata: { name, namespace: routersNamespace },
        spec: { containers: [{ name: 'router', ports: [{ name: 'metrics', containerPort }] }] },
        status: { phase: 'Running', podIP: '127.0.0.1' },
      });
    },
    removeRouter: (name) => void api.state.remove(pods, `${routersNamespace}/${name}`),
    putKey: (name, fields) =>
      void api.state.put(secrets, `keys/${name}`, secret('keys', name, apiKeyKind, fields)),
    removeKey: (name) => void api.state.remove(secrets, `keys/${name}`),
    removeModel: (name) => void api.state.remove(deployments, `default/${name}`),
    removePod: (name) => void api.state.remove(pods, `default/${name}`),
    untilReplicas: async (model, ready, apiKey) => {
      await eventually(`${model} has ${ready} ready replicas`, async () =>
        (await listed(apiKey)).some(
          (card) => card.id === model && card.fairlead.ready_replicas === ready,
        ),
      );
    },
    metrics: async (accept = 'text/plain') => {
      const answer = await fetch(`${router.internalAddress}/metrics`, { headers: { accept } });
      return answer.text();
    },
    stop: async () => {
      await shutdown();
      if (!beside) await api.stop();
    },
  };
}

/** A Secret of a kind that the router reads, its data in base64. */
export function secret(
  namespace: string,
  name: string,
  kind: string,
  fields: Readonly<Record<string, string>>,
): object {
  const data = Object.entries(fields).map(([field, text]) => [
    field,
    Buffer.from(text).toString('base64'),
  ]);
  const metadata = { name, namespace, labels: { [secretKindLabel]: kind } };
  return { metadata, data: Object.fromEntries(data) };
}

function notReady(message: string): object {
  return { type: 'Ready', status: 'False', reason: 'Starting', message, observedGeneration: 1 };
}
