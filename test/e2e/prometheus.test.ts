import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { renderChart } from '../../charts/testing/render.ts';
import { clusterFaults } from '../../hack/cluster/local/faults.ts';
import { runCommand } from '../../hack/command.ts';
import { ensurePrometheus } from '../../hack/prometheus.ts';
import { discover } from '../observability/discovery.ts';
import { type PrometheusProcess, startPrometheus } from '../observability/prometheus.ts';
import { alertQuestions, dashboardQuestions, unanswered } from '../observability/questions.ts';
import { type Monitor, scrapeConfigsOf } from '../observability/scrape-configs.ts';
import { createKubectl } from '../support/kubectl.ts';
import { acceleratorProfile, type PodObject, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';
import { elastic, untilAtZero } from './elastic.ts';
import { portForward } from './port-forward.ts';
import { startTraffic } from './traffic.ts';

const context = useContext('e2e-prometheus');
const access = inject('clusterAccess');
const system = createKubectl(access, systemNamespace);
/** Longer by `make soak-alerts`. */
const healthyMs = Number(process.env.FAIRLEAD_HEALTHY_SECONDS ?? 5) * 1000;
const isSoak = process.env.FAIRLEAD_HEALTHY_SECONDS !== undefined;
/** Of a busy machine they may be true. */
const tellsOfSlowness = /TTFTHigh|TPOTHigh|OverheadHigh|EventLoopLag|ColdStartSlow/;

/** What a healthy system without vLLM and accelerators of NVIDIA has nothing to say about. */
const silentWhenHealthy = [
  /^model-detail: Replicas left out$/,
  /^scaling: API errors$/,
  /^FairleadKVCacheSaturated: vllm:/,
];
/** Answered by a real vLLM in test/observability/traces.test.ts, and by dcgm-exporter where there is one. */
const elsewhere =
  /^model-detail: (Running|Waiting in the engine|KV cache in use|Prefix cache hits|Finish reasons|Time to first token in the engine, p95|Busy|Memory in use|Power)$/;

let prometheus: PrometheusProcess;
let folder = '';
beforeAll(async () => {
  const { kubectl } = context;
  const priced = acceleratorProfile('priced-gpu', 'example.com/gpu') as { spec: object };
  Object.assign(priced.spec, { pricePerHour: '3.5' });
  await kubectl.apply(priced);
  await kubectl.apply(
    skiff('watched', {
      accelerator: { profile: 'priced-gpu', count: 1 },
      autoscaling: { minReplicas: 2, maxReplicas: 2 },
    }),
    elastic('watched-elastic'),
  );
  const monitoring = { serviceMonitor: { enabled: true }, podMonitor: { enabled: true } };
  const objects = await renderChart<Monitor>({ monitoring });
  const metricsService = objects.find(({ metadata }) => metadata.name === 'fairlead-metrics');
  await system.apply(metricsService ?? {});
  folder = await mkdtemp(join(tmpdir(), 'fairlead-targets-'));
  await refreshTargets();
  const monitors = objects.filter(({ kind }) => /^(Service|Pod)Monitor$/.test(kind));
  const { initPid } = await clusterFaults(process.env.FAIRLEAD_E2E_CLUSTER ?? 'e2e');
  prometheus = await startPrometheus(
    monitors.flatMap((monitor) => scrapeConfigsOf(monitor, join(folder, 'targets.json'))),
    // From the cluster's network pods are reached; its end of the link is where the API server is reached.
    { port: 19090, host: await apiServerHost(), networkPid: initPid() },
  );
  await kubectl.waitFor('mdep/watched', 'jsonpath={.status.readyReplicas}=2', 120_000);
});
afterAll(async () => {
  await prometheus?.stop();
  await rm(folder, { recursive: true, force: true });
  await system.run(['delete', 'service', 'fairlead-metrics', '--ignore-not-found']);
  await system.run(['delete', 'acceleratorprofile', 'priced-gpu', '--ignore-not-found']);
});

/** Pods come and go. */
async function refreshTargets(): Promise<void> {
  const unfinished = join(folder, 'unfinished');
  await writeFile(unfinished, JSON.stringify(await discover(system)));
  await rename(unfinished, join(folder, 'targets.json'));
}

async function apiServerHost(): Promise<string> {
  const { clusters } = parse(await readFile(access.kubeconfigPath, 'utf8')) as {
    clusters: { cluster: { server: string } }[];
  };
  return new URL(clusters[0]!.cluster.server).hostname;
}

test('the monitors lead to every router, the operator and the engines, with the labels of their model', async () => {
  await waitUntil(
    'all targets are up',
    async () => {
      await refreshTargets();
      const up = await prometheus.query('count by (job) (up == 1)');
      const count = (job: string) => Number(up.find(({ metric }) => metric.job === job)?.value[1]);
      const all = count('fairlead-router') === 2 && count('fairlead-operator') === 1;
      return all && count('fairlead-engine') >= 2 ? true : undefined;
    },
    120_000,
  );
  const [engine] = await prometheus.query(
    'llamacpp:requests_processing{gen_ai_request_model="watched"}',
  );
  expect(engine?.metric).toMatchObject({
    namespace: 'e2e-prometheus',
    pod: expect.stringMatching(/^watched-/),
    revision: expect.stringMatching(/^[0-9a-f]+$/),
  });
  const [backend] = await prometheus.query(
    `fairlead_backend_up{gen_ai_request_model="watched", backend="${engine?.metric.pod}"}`,
  );
  expect(backend?.metric).toMatchObject({
    namespace: 'e2e-prometheus',
    pod: expect.stringMatching(/^fairlead-router-/),
  });
});

test('under traffic every query of the dashboards and every alert’s series have their labels', {
  timeout: 600_000 + healthyMs,
}, async () => {
  const openai = context.openai();
  // A rate is seen from the second time on.
  await startCold(openai);
  await untilAtZero(context.kubectl, 'watched-elastic');
  await startCold(openai);
  const traffic = startTraffic(openai, { model: 'watched', clients: 2, tokens: 20 });
  const healthyUntilMs = Date.now() + healthyMs;
  const questions = [...dashboardQuestions(), ...(await alertQuestions())];
  let open: string[] = [];
  await waitUntil(
    'all is answered',
    async () => {
      await oneOfEach(openai);
      await refreshTargets();
      open = (await unanswered(prometheus, questions)).filter(
        (name) => !elsewhere.test(name) && !silentWhenHealthy.some((silent) => silent.test(name)),
      );
      return open.length === 0 ? true : undefined;
    },
    240_000,
  ).catch(() => {});
  expect(open).toEqual([]);

  while (Date.now() < healthyUntilMs) {
    await delay(1_000);
    // A target that is gone is no target that is down.
    await refreshTargets();
  }
  const log = await traffic.stop();
  expect(log.filter(({ outcome }) => outcome !== 'whole')).toEqual([]);
  const fired = await prometheus.query('max_over_time(ALERTS{alertstate="firing"}[1h])');
  const names = fired.map(({ metric }) => metric.alertname ?? '');
  expect(isSoak ? names : names.filter((name) => !tellsOfSlowness.test(name))).toEqual([]);
  const settled = /NoLeader|TargetDown|BackendDown|ReconcileErrors|NoReadyReplicas|CatalogStale/;
  await waitUntil('no alert that tells of a fault is on its way', async () => {
    await refreshTargets();
    const pending = await prometheus.alerts();
    return pending.some(({ labels }) => settled.test(labels.alertname ?? '')) ? undefined : true;
  });
});

const messages = [{ role: 'user' as const, content: 'Who are you?' }];

/** A request waits for a replica that is not there yet. */
async function startCold(openai: OpenAI): Promise<void> {
  await openai.chat.completions.create({ model: 'watched-elastic', messages, max_tokens: 4 });
}

/** What panels need beside short streams: a long prompt, a bad request, a client that goes. */
async function oneOfEach(openai: OpenAI): Promise<void> {
  const model = 'watched';
  const long = [{ role: 'user' as const, content: 'Tell me a story. '.repeat(40) }];
  await openai.chat.completions.create({ model, messages: long, max_tokens: 4 });
  const wrong = { temperature: 'hot' as unknown as number };
  await openai.chat.completions.create({ model, messages, ...wrong }).catch(() => {});
  const leaving = new AbortController();
  const stream = await openai.chat.completions.create(
    { model, messages, stream: true, max_tokens: 500 },
    { signal: leaving.signal },
  );
  for await (const _ of stream) leaving.abort();
}

test.each(['router', 'operator'])(
  'promtool finds nothing wrong in the metrics of the %s',
  async (program) => {
    const selector = `app.kubernetes.io/component=${program}`;
    const { items } = await system.getJson<{ items: PodObject[] }>('pods', '-l', selector);
    const forward = await portForward(
      access,
      systemNamespace,
      `pod/${items[0]?.metadata.name}`,
      9090,
    );
    const metrics = await (await fetch(`${forward.origin}/metrics`)).text();
    await forward.stop();
    const { promtoolPath } = await ensurePrometheus();
    expect(metrics).toContain('fairlead_build_info{');
    expect(await runCommand(promtoolPath, ['check', 'metrics'], { input: metrics })).toBe('');
  },
);
