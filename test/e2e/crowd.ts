import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kubectl } from '../support/kubectl.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace } from './context.ts';

/** What came of a crowd's requests. */
export interface CrowdReport {
  /** How often each status came; what broke on the wire stands under its error. */
  statuses: Record<string, number>;
  /** How often each error code came. */
  codes: Record<string, number>;
  /** Answers of 200 that were not whole. */
  broken: number;
}

/** Clients in a pod of the cluster that all ask at once. */
export interface Crowd {
  /** Waits for all answers. */
  report(): Promise<CrowdReport>;
}

const script = readFileSync(join(import.meta.dirname, 'crowd.mjs'), 'utf8');
const patienceMs = 240_000;

/** Starts so many requests for one model, through the routers' Service. */
export async function startCrowd(kubectl: Kubectl, model: string, count: number): Promise<Crowd> {
  const { spec } = await kubectl.getJson<{
    spec: { template: { spec: { containers: { image: string }[] } } };
  }>('deployment', 'fairlead-router', '--namespace', systemNamespace);
  const image = spec.template.spec.containers[0]?.image;
  const name = `crowd-${model}`;
  const baseUrl = `http://fairlead-router.${systemNamespace}.svc/v1`;
  const command = [
    'node',
    '--input-type=module',
    '--eval',
    script,
    '--',
    baseUrl,
    model,
    `${count}`,
  ];
  await kubectl.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { restartPolicy: 'Never', containers: [{ name: 'crowd', image, command }] },
  });
  return {
    async report() {
      const phase = await waitUntil(
        'the crowd has all its answers',
        async () => {
          const { status } = await kubectl.getJson<{ status: { phase: string } }>('pod', name);
          return ['Succeeded', 'Failed'].includes(status.phase) ? status.phase : undefined;
        },
        patienceMs,
      );
      const log = await kubectl.run(['logs', name]);
      if (phase !== 'Succeeded') throw new Error(`the crowd failed: ${log}`);
      return JSON.parse(log.trim().split('\n').at(-1) ?? '');
    },
  };
}
