import { spawn } from 'node:child_process';
import type { BuiltImage } from '../images/build.ts';
import { type ClusterAccess, imageNamed, kubectl } from './install.ts';

/** Where the chat client runs and what it asks. */
export interface ChatOptions {
  cluster: ClusterAccess;
  images: readonly BuiltImage[];
  namespace: string;
  /** In-cluster base URL of the router, with /v1. */
  baseUrl: string;
  model: string;
}

/** A running chat client inside the cluster. */
export interface ChatClient {
  /** Asks, gives each piece of the answer to `onText` as it comes, and resolves at the answer's end. */
  ask(question: string, onText: (text: string) => void): Promise<void>;
  close(): void;
}

const name = 'fairlead-demo-chat';
const idle = 'setInterval(() => {}, 2 ** 30)';

/** Starts a pod with the image of examples/chat, or keeps the one that is there, and waits for it. */
export async function deployChat(options: ChatOptions): Promise<void> {
  const { cluster, namespace } = options;
  const input = JSON.stringify(chatDeployment(options));
  await kubectl(cluster, ['--namespace', namespace, 'apply', '--filename', '-'], { input });
  const rollout = ['rollout', 'status', `deployment/${name}`, '--timeout=120s'];
  await kubectl(cluster, ['--namespace', namespace, ...rollout]);
}

/**
 * Starts examples/chat in that pod, reading questions from its standard input, and resolves when it
 * has loaded; so the time of an answer holds neither the pod's start nor the program's.
 */
export async function openChat(options: ChatOptions): Promise<ChatClient> {
  const { cluster, namespace, baseUrl } = options;
  const child = spawn(cluster.kubectlPath, [
    ...['--kubeconfig', cluster.kubeconfigPath, '--namespace', namespace],
    ...['exec', '--stdin', `deployment/${name}`, '--', 'node', 'chat.ts'],
  ]);
  let errors = '';
  let onText = (_text: string): void => {};
  const loaded = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
    if (errors.includes(baseUrl)) loaded.resolve();
  });
  child.stdout.on('data', (chunk: Buffer) => onText(chunk.toString()));
  child.on('error', ended.reject);
  child.on('close', () => ended.reject(new Error(`the chat client ended: ${errors.trim()}`)));
  await Promise.race([loaded.promise, ended.promise]);

  return {
    ask: async (question, show) => {
      const answered = Promise.withResolvers<void>();
      onText = (text) => {
        show(text);
        // The client ends an answer with a line break; Skiff's answers hold none.
        if (text.endsWith('\n')) answered.resolve();
      };
      child.stdin.write(`${question}\n`);
      await Promise.race([answered.promise, ended.promise]);
    },
    close: () => {
      child.stdin.end();
    },
  };
}

function chatDeployment({ images, namespace, baseUrl, model }: ChatOptions): object {
  const labels = { 'app.kubernetes.io/name': name };
  const archive = images.find(({ shortName }) => shortName === 'chat')?.archivePath;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: labels },
      template: {
        // The archive's name has a key of its contents: another image, another pod.
        metadata: { labels, annotations: { 'fairlead.dev/archive': archive } },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 1,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'chat',
              image: imageNamed(images, 'chat'),
              imagePullPolicy: 'IfNotPresent',
              command: ['node', '--eval', idle],
              env: [
                { name: 'OPENAI_BASE_URL', value: baseUrl },
                { name: 'MODEL', value: model },
              ],
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
            },
          ],
        },
      },
    },
  };
}
