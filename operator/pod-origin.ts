import { engineContainer, enginePort } from '../crds/labels.ts';
import { addressOrigin } from '../kube/pod-origin.ts';
import type { Pod } from '../kube/resources.ts';

/** Where the engine of a pod answers, such as `http://10.0.0.7:8000`; undefined before it has an address. */
export function engineOrigin({ spec, status }: Pod): string | undefined {
  const port = spec.containers
    .find(({ name }) => name === engineContainer)
    ?.ports?.find(({ name }) => name === enginePort)?.containerPort;
  if (!status?.podIP || port === undefined) return undefined;
  return addressOrigin(status.podIP, port);
}
