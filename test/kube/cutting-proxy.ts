import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on loopback that can break what goes through it. */
export interface CuttingProxy {
  readonly port: number;
  /** Connections that go through it now. */
  readonly connections: number;
  /** Resets every connection. */
  cut(): void;
  /** While true, nothing is passed on and new connections are taken but not answered. */
  frozen: boolean;
  close(): Promise<void>;
}

/** @param port on 127.0.0.1 that it leads to */
export async function startCuttingProxy(port: number): Promise<CuttingProxy> {
  const pairs = new Set<[Socket, Socket]>();
  let isFrozen = false;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    near.on('data', (data) => isFrozen || far.write(data));
    far.on('data', (data) => isFrozen || near.write(data));
    for (const [one, other] of [pair, [far, near]] as const) {
      one.on('error', () => {});
      one.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const proxy: CuttingProxy = {
    port: typeof address === 'object' && address ? address.port : 0,
    get connections() {
      return pairs.size;
    },
    get frozen() {
      return isFrozen;
    },
    set frozen(value) {
      // What was swallowed cannot be made good, so the streams end with the frost.
      if (isFrozen && !value) proxy.cut();
      isFrozen = value;
    },
    cut() {
      for (const [near, far] of pairs) {
        near.resetAndDestroy();
        far.resetAndDestroy();
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        proxy.cut();
      }),
  };
  return proxy;
}
