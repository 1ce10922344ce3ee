import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelDeploymentLabel } from '../../crds/labels.ts';
import { routingSpec } from '../../crds/modeldeployment/routing.ts';
import { type ScriptedServer, startScriptedServer } from '../../kube/testing/scripted-server.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { DemandFollowers } from '../../protocol/followers.ts';
import { sendJson, startUpstream } from '../../router/testing/scripted-upstream.ts';
import { kubeconfigOf, startRouterProcess } from '../../test/routers/router-process.ts';

/**
 * What a held request costs in memory: a router process, 1,000 requests for a model at zero, its resident
 * memory before, with all of them held, and after they were answered.
 */
const requests = 1_000;

async function main(): Promise<void> {
  const api = await startScriptedServer();
  const engine = await startUpstream((request) => sendJson(request, { ok: true }));
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-hold-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, JSON.stringify(kubeconfigOf(api.url)));
  putModel(api, 'warm');
  putModel(api, 'asleep');
  putPod(api, 'warm', engine.port);
  const router = await startRouterProcess(kubeconfig, 'bench');
  const followers = new DemandFollowers({}, () => performance.now());
  followers.set('bench', `http://127.0.0.1:${router.internalPort}`);
  const held = () => followers.live()[0]?.state?.models.get('default/asleep')?.held ?? 0;

  // So that all code is loaded; few, for what many leave behind would hide what is held.
  for (let round = 0; round < 20; round++) await finished(send(router.address, 'warm', 1));
  const before = await residentBytes(router.pid);
  const sockets = send(router.address, 'asleep');
  await eventually('all are held', () => held() === requests);
  const during = await residentBytes(router.pid);
  putPod(api, 'asleep', engine.port);
  await finished(sockets);
  const after = await residentBytes(router.pid);
  const each = Math.round((during - before) / requests);
  process.stdout.write(
    `${JSON.stringify({ requests, before, during, after, growth: during - before, each })}\n`,
  );
  await followers.stop();
  await router.kill();
  await engine.stop();
  await api.stop();
  await rm(folder, { recursive: true });
}

/** Bodies of 1 to 4 KB, each over a connection of its own. */
function send(address: string, model: string, count = requests): Socket[] {
  const { hostname, port } = new URL(address);
  return Array.from({ length: count }, (_, at) => {
    const content = 'x'.repeat(1_000 + ((at * 37) % 3_000));
    const body = JSON.stringify({ model, messages: [{ role: 'user', content }] });
    const socket = connect({ host: hostname, port: Number(port) });
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    return socket;
  });
}

/** Waits for each answer and closes its connection. */
async function finished(sockets: readonly Socket[]): Promise<void> {
  const answered = (socket: Socket) =>
    new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('data', () => {
        socket.destroy();
        resolve();
      });
    });
  await Promise.all(sockets.map(answered));
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

function putModel({ state }: ScriptedServer, name: string): void {
  state.put('/apis/fairlead.dev/v1alpha1/modeldeployments', `default/${name}`, {
    metadata: { name, namespace: 'default' },
    spec: {
      engine: { type: 'vLLM', features: ['Chat'] },
      replicas: 1,
      routing: routingSpec.parse({}),
    },
    status: { conditions: [] },
  });
}

function putPod({ state }: ScriptedServer, model: string, containerPort: number): void {
  state.put('/api/v1/pods', `default/${model}-0`, {
    metadata: {
      ...{ name: `${model}-0`, namespace: 'default' },
      labels: { [modelDeploymentLabel]: model },
    },
    spec: { containers: [{ name: 'engine', ports: [{ name: 'http', containerPort }] }] },
    status: {
      phase: 'Running',
      podIP: '127.0.0.1',
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  });
}

await main();
