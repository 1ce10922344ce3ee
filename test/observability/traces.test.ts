import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderChart } from '../../charts/testing/render.ts';
import { engineLabel, revisionLabel, servedNameAnnotation } from '../../crds/labels.ts';
import { findProgram } from '../../hack/programs/programs.ts';
import { findVllm } from '../../hack/vllm/install.ts';
import { startTestRouter, type TestRouter } from '../../router/testing/test-router.ts';
import { startTracing, type Tracing } from '../../telemetry/tracing.ts';
import { startLlamaServer } from '../support/engines/llama-server.ts';
import { type EngineProcess, freePort } from '../support/engines/process.ts';
import { startVllm } from '../support/engines/vllm.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type CollectedSpan, type CollectorProcess, startCollector } from './collector.ts';
import { type DiscoveredPod, targetsOf } from './discovery.ts';
import { type PrometheusProcess, startPrometheus } from './prometheus.ts';
import { alertQuestions, dashboardQuestions, unanswered } from './questions.ts';
import { type Monitor, scrapeConfigsOf } from './scrape-configs.ts';

const program = await findProgram('collector');
if (!program)
  console.error('The tests with a real Collector are left out. To include them: make programs');
const vllm = await findVllm();
if (!vllm) console.error('The tests with a real vLLM are left out. To include them: make vllm');
const models = vllm ? (['llama', 'vllm'] as const) : (['llama'] as const);

/** Real engines behind a router that traces; a real Collector and a real Prometheus watch. */
describe.skipIf(!program)('one request', () => {
  let collector: CollectorProcess;
  let prometheus: PrometheusProcess;
  let tracing: Tracing;
  let router: TestRouter;
  let folder = '';
  const engines: EngineProcess[] = [];

  beforeAll(async () => {
    collector = await startCollector(program ?? '');
    const llama = await startLlamaServer(['--alias', 'llama', '--metrics', '--threads', '1']);
    engines.push(llama);
    const traced = ['--otlp-traces-endpoint', collector.grpcUrl];
    const named = ['--served-model-name', 'vllm', '--max-num-seqs', '8'];
    if (vllm) engines.push(await startVllm([...named, ...traced]));
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = collector.httpUrl;
    tracing = await startTracing('fairlead-router', '0.0.0-test', console);
    router = await startTestRouter({}, tracing);
    for (const [index, model] of models.entries()) {
      router.putModel(model, { engine: model === 'vllm' ? 'vLLM' : 'LlamaCpp' });
      router.putPod(model, `${model}-0`, engines[index]?.port ?? 0);
      await router.untilReplicas(model, 1);
    }
    folder = await mkdtemp(join(tmpdir(), 'fairlead-targets-'));
    const targets = join(folder, 'targets.json');
    const pods = models.map((model, index) => podOf(model, engines[index]?.port ?? 0));
    await writeFile(targets, JSON.stringify(targetsOf(pods, [])));
    const rendered = await renderChart<Monitor>({ monitoring: { podMonitor: { enabled: true } } });
    const monitors = rendered.filter(({ kind }) => kind === 'PodMonitor');
    const ofRouter = { targets: [new URL(router.internalAddress).host] };
    prometheus = await startPrometheus(
      [
        { job_name: 'fairlead-router', static_configs: [ofRouter] },
        ...monitors.flatMap((monitor) => scrapeConfigsOf(monitor, targets)),
      ],
      { port: await freePort(), host: '127.0.0.1' },
    );
  });
  afterAll(async () => {
    await prometheus?.stop();
    await router?.stop();
    await tracing?.shutdown();
    await Promise.all(engines.map((engine) => engine.stop()));
    await collector?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Streams an answer as part of a trace of the client's. */
  async function ask(model: string, traceId: string, clientSpanId: string): Promise<void> {
    const response = await fetch(`${router.address}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        traceparent: `00-${traceId}-${clientSpanId}-01`,
      },
      body: JSON.stringify({
        model,
        messages: [{ role: 'user', content: 'Who are you?' }],
        max_tokens: 8,
        stream: true,
      }),
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('[DONE]');
  }

  test.each(models)(
    'to %s is one tree at the Collector, and found by its id in log and exemplar',
    async (model) => {
      const [traceId, clientSpanId] = [
        randomBytes(16).toString('hex'),
        randomBytes(8).toString('hex'),
      ];
      await ask(model, traceId, clientSpanId);
      const expected = [
        { name: 'POST /v1/chat/completions', kind: 2, service: 'fairlead-router' },
        { name: `chat ${model}`, kind: 3, service: 'fairlead-router' },
        { name: 'POST', kind: 3, service: 'fairlead-router' },
        ...(model === 'vllm' ? [{ name: 'llm_request', kind: 2 }] : []),
      ];
      const spans = await waitUntil('the Collector has the spans', async () => {
        const collected = await collector.spans(traceId);
        return collected.length >= expected.length ? collected : undefined;
      });
      expect(spans).toHaveLength(expected.length);
      expect(lineFrom(spans, clientSpanId)).toMatchObject(expected);

      const line = router.logged.find(({ trace_id }) => trace_id === traceId);
      expect(line).toMatchObject({ model, outcome: 'ok', backend_pod: `${model}-0` });
      const exemplars = await waitUntil('Prometheus has the exemplar', async () => {
        const found = await prometheus.exemplars(
          `gen_ai_server_request_duration_seconds_bucket{gen_ai_request_model="${model}"}`,
        );
        return found.some(({ labels }) => labels.trace_id === traceId) ? found : undefined;
      });
      expect(exemplars.find(({ labels }) => labels.trace_id === traceId)?.labels.span_id).toBe(
        line?.span_id,
      );
    },
  );

  test.each(models)(
    'to %s counts in the engine’s own series, which carry the model',
    async (model) => {
      const { metric, labels } = {
        llama: { metric: 'llamacpp:prompt_tokens_total', labels: {} },
        vllm: { metric: 'vllm:prompt_tokens_total', labels: { model_name: 'vllm' } },
      }[model];
      const [series] = await waitUntil('the engine is scraped', async () => {
        const found = await prometheus.query(`${metric}{gen_ai_request_model="${model}"} > 0`);
        return found.length > 0 ? found : undefined;
      });
      expect(series?.metric).toMatchObject({
        ...{ job: 'fairlead-engine', namespace: 'default', pod: `${model}-0`, revision: 'r1' },
        ...labels,
      });
    },
  );

  test.skipIf(!vllm)('to vLLM answers what dashboards and alerts ask of vLLM', async () => {
    const all = [...dashboardQuestions(), ...(await alertQuestions())];
    const ofVllm = all.filter(({ expr }) => expr.includes('vllm:'));
    expect(ofVllm.length).toBeGreaterThan(6);
    let open: string[] = [];
    await waitUntil('all is answered', async () => {
      await ask('vllm', randomBytes(16).toString('hex'), randomBytes(8).toString('hex'));
      open = await unanswered(prometheus, ofVllm);
      return open.length === 0 ? true : undefined;
    }).catch(() => {});
    expect(open).toEqual([]);
  });
});

/** What the operator writes on a replica's pod, as far as Prometheus is told of it. */
function podOf(model: string, port: number): DiscoveredPod {
  return {
    metadata: {
      ...{ name: `${model}-0`, namespace: 'default' },
      annotations: { [servedNameAnnotation]: model },
      labels: {
        'app.kubernetes.io/managed-by': 'fairlead',
        [engineLabel]: model === 'vllm' ? 'vLLM' : 'LlamaCpp',
        [revisionLabel]: 'r1',
      },
    },
    spec: { containers: [{ name: 'engine', ports: [{ name: 'http', containerPort: port }] }] },
    status: { podIP: '127.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

/** The spans from parent to child, beginning with the child of a span. */
function lineFrom(spans: readonly CollectedSpan[], parentSpanId: string): CollectedSpan[] {
  const child = spans.find((span) => span.parentSpanId === parentSpanId);
  return child ? [child, ...lineFrom(spans, child.spanId)] : [];
}
