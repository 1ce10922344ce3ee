import OpenAI from 'openai';
import { afterAll, beforeAll, inject } from 'vitest';
import { createKubectl, type Kubectl } from '../support/kubectl.ts';
import { acceleratorProfile } from '../support/models.ts';
import { type PortForward, portForward } from './port-forward.ts';

/** The namespace the chart is installed in, by `setup.ts`. */
export const systemNamespace = 'fairlead';

/** What a test file works with: a namespace of its own and a way to the router. */
export interface Context {
  kubectl: Kubectl;
  namespace: string;
  /** Base URL with `/v1`, from the test's own machine. */
  baseUrl(): string;
  openai(options?: { maxRetries?: number }): OpenAI;
}

/**
 * Makes a namespace for the calling test file and removes it, with all that is in it, at the end.
 * The profile `fake-gpu` asks for the accelerators that every test node offers.
 */
export function useContext(namespace: string): Context {
  const access = inject('clusterAccess');
  const kubectl = createKubectl(access, namespace);
  let forward: PortForward;
  beforeAll(async () => {
    await kubectl.run(['create', 'namespace', namespace]);
    await kubectl.apply(acceleratorProfile('fake-gpu', 'example.com/gpu'));
    forward = await portForward(access, systemNamespace, 'service/fairlead-router', 80);
  });
  afterAll(async () => {
    await forward?.stop();
    await kubectl.run(['delete', 'namespace', namespace, '--wait', '--timeout=120s']);
  });
  const baseUrl = (): string => `${forward.origin}/v1`;
  return {
    kubectl,
    namespace,
    baseUrl,
    openai: ({ maxRetries = 0 } = {}) =>
      new OpenAI({ baseURL: baseUrl(), apiKey: 'none', maxRetries }),
  };
}
