import type { Pod } from './resources.ts';

/**
 * Where a pod is reached by plain HTTP, such as `http://10.0.0.7:9090`; undefined when it does not run, or
 * has no port of that name.
 */
export function podOrigin({ spec, status }: Pod, portName: string): string | undefined {
  const { podIP, phase } = status ?? {};
  const port = spec.containers
    .flatMap(({ ports = [] }) => ports)
    .find(({ name }) => name === portName)?.containerPort;
  if (!podIP || port === undefined || phase !== 'Running') return undefined;
  return addressOrigin(podIP, port);
}

/** Where a port of an address is reached by plain HTTP. */
export function addressOrigin(address: string, port: number): string {
  return `http://${urlHost(address)}:${port}`;
}

/** An address as it stands in a URL: one of IPv6 in brackets. */
export function urlHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
