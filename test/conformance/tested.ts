import { findVllm } from '../../hack/vllm/install.ts';
import type { UpstreamName } from './upstreams.ts';

const vllm = await findVllm();

/**
 * Those of the upstreams that this run tests: without vLLM where it is not installed, which is said
 * once a file; in CI all, so that a missing one fails.
 */
export function testedUpstreams<T extends UpstreamName>(names: readonly T[]): T[] {
  if (vllm || process.env.CI || !names.some((name) => name === 'vLLM')) return [...names];
  console.log('vLLM is not installed, so its tests are left out. To include them: make vllm');
  return names.filter((name) => name !== 'vLLM');
}
