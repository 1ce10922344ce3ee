import { fork } from 'node:child_process';
import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { createClient } from '../../kube/client.ts';
import { loadKubeConfig } from '../../kube/config.ts';
import { isReady } from '../../kube/readiness.ts';
import { Pods } from '../../kube/resources.ts';

/**
 * The same hops with nothing in between, as the floor of this machine in this run: a process that holds a
 * request, tells a stream of it and sends it on when the pod of its name is Ready; and one that follows the
 * stream and sends a patch for each line.
 */
export interface BareHops {
  /** Where to ask; the path is the name. */
  readonly url: string;
  stop(): void;
}

export interface BareHopsOptions {
  kubeconfigPath: string;
  /** Where the patches go. */
  apiUrl: string;
  enginePort: number;
}

/** Starts both. */
export async function startBareHops(options: BareHopsOptions): Promise<BareHops> {
  const { kubeconfigPath, apiUrl, enginePort } = options;
  const start = async (...args: string[]) => {
    const child = fork(import.meta.filename, args);
    process.on('exit', () => child.kill('SIGKILL'));
    const [said] = await once(child, 'message');
    return { child, said };
  };
  const holder = await start('hold', kubeconfigPath, String(enginePort));
  const patcher = await start('patch', `${holder.said}/stream`, apiUrl);
  return {
    url: holder.said,
    stop() {
      for (const { child } of [holder, patcher]) child.kill();
    },
  };
}

async function hold(kubeconfigPath: string, enginePort: string): Promise<void> {
  const held = new Map<string, ServerResponse>();
  let stream: ServerResponse | undefined;
  const server = http.createServer((request, response) => {
    if (request.url === '/stream') {
      stream = response;
      response.flushHeaders();
      return;
    }
    const name = request.url?.slice(1) ?? '';
    request.resume().on('end', () => {
      held.set(name, response);
      stream?.write(`${name}\n`);
    });
  });
  const client = createClient(await loadKubeConfig({ kubeconfigPath }));
  const { resourceVersion } = await client.list(Pods, { namespace: 'default' });
  const watching = { namespace: 'default', resourceVersion, timeoutSeconds: 3600 };
  void client.watch(Pods, watching, ({ type, object }) => {
    const response = held.get(object.metadata.name ?? '');
    if (type !== 'MODIFIED' || !response || !isReady(object)) return;
    held.delete(object.metadata.name ?? '');
    const asked = { method: 'POST', port: enginePort, path: '/v1/chat/completions' };
    http.request(asked, (answer) => answer.pipe(response.writeHead(200))).end('{}');
  });
  server.listen(0, '127.0.0.1', () => {
    process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}

function patch(streamUrl: string, apiUrl: string): void {
  const agent = new http.Agent({ keepAlive: true });
  const headers = { 'content-type': 'application/merge-patch+json' };
  http.get(streamUrl, (stream) => {
    process.send?.('ready');
    createInterface({ input: stream }).on('line', (name) => {
      const url = `${apiUrl}${scalePath(name)}`;
      const body = JSON.stringify({ spec: { replicas: 1 } });
      // There is no such object: it is the way there that is measured.
      http.request(url, { method: 'PATCH', agent, headers }, (answer) => answer.resume()).end(body);
    });
  });
}

/** Where a model's scale is written. */
export function scalePath(name: string): string {
  return `/apis/fairlead.dev/v1alpha1/namespaces/default/modeldeployments/${name}/scale`;
}

if (import.meta.main) {
  const [role, ...args] = process.argv.slice(2) as [string, string, string];
  if (role === 'hold') await hold(...args);
  else patch(...args);
}
