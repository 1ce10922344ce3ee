import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNameOf } from '../../crds/names.ts';
import type { WantedAdapter } from './protocol.ts';

/**
 * What the annotation of a pod says of the adapters that it is to serve.
 * @param adapters by their own names
 */
export function wantedText(
  deployment: ModelDeployment,
  adapters: readonly WantedAdapter[],
): string {
  const model = servedNameOf(deployment);
  return JSON.stringify(
    adapters.map(({ name, ...rest }) => ({ name: `${model}:${name}`, ...rest })),
  );
}

/** An adapter's own name, without that of its model. */
export function adapterOf(engineName: string): string {
  return engineName.slice(engineName.lastIndexOf(':') + 1);
}
