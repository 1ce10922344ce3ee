import { engineContainer, enginePort } from '../crds/labels.ts';
import type { Pod } from '../kube/resources.ts';

/** Where the engine of a pod answers, such as `http://10.0.0.7:8000`; undefined before it has an address. */
export function engineOrigin({ spec, status }: Pod): string | undefined {
  const port = spec.containers
    .find(({ name }) => name === engineContainer)
    ?.ports?.find(({ name }) => name === enginePort)?.containerPort;
  if (!status?.podIP || port === undefined) return undefined;
  return podOrigin(status.podIP, port);
}

/** An IPv6 address is put into brackets. */
export function podOrigin(podIP: string, port: number): string {
  return `http://${podIP.includes(':') ? `[${podIP}]` : podIP}:${port}`;
}
