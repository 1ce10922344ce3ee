import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The end of a chunked answer, alone or behind another chunk: from here on the connection is idle. */
const lastChunk = /^0\r\n\r\n$|\r\n0\r\n\r\n$/;

/**
 * Brings each connection to one of its targets, chosen at random, as kube-proxy does. With one target it
 * is an address that can be made to fail.
 */
export class TcpProxy {
  /** Ports of the loopback; open connections stay where they are when it changes. */
  targets: readonly number[];
  readonly port: number;
  readonly #server: Server;
  readonly #connections = new Map<Socket, 'idle' | 'asked' | 'answering'>();
  #isBroken = false;
  #isLeaving = false;

  private constructor(server: Server, targets: readonly number[]) {
    this.targets = targets;
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    server.on('connection', (client) => this.#accept(client));
  }

  static async start(targets: readonly number[]): Promise<TcpProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, targets);
  }

  /** Every connection is reset from now on; an answer that has begun is finished first. */
  break(): void {
    this.#isBroken = true;
    for (const [client, state] of this.#connections) {
      if (state !== 'answering') client.resetAndDestroy();
    }
  }

  mend(): void {
    this.#isBroken = false;
  }

  /** Connections end when they are idle, as those of a pod that is told to end. */
  leave(): void {
    this.#isLeaving = true;
    for (const [client, state] of this.#connections) if (state === 'idle') client.end();
  }

  /** Connections stay again. */
  comeBack(): void {
    this.#isLeaving = false;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const client of this.#connections.keys()) client.destroy();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    const target = this.targets[Math.floor(Math.random() * this.targets.length)];
    client.on('error', () => {});
    if (this.#isBroken || target === undefined) {
      client.resetAndDestroy();
      return;
    }
    const engine = connect(target, '127.0.0.1').setNoDelay();
    client.setNoDelay();
    engine.on('error', () => client.resetAndDestroy());
    this.#connections.set(client, 'idle');
    client.on('data', () => this.#connections.set(client, 'asked'));
    engine.on('data', (data: Buffer) => {
      const isLast = lastChunk.test(data.toString('latin1', data.length - 7));
      this.#connections.set(client, isLast ? 'idle' : 'answering');
      client.write(data);
      if (isLast && (this.#isLeaving || this.#isBroken)) client.end();
    });
    engine.on('end', () => client.end());
    client.pipe(engine);
    client.on('close', () => {
      this.#connections.delete(client);
      engine.destroy();
    });
  }
}
