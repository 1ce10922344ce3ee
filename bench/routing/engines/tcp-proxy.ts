import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The end of a chunked answer, alone or behind another chunk: from here on the connection is idle. */
const lastChunk = /^0\r\n\r\n$|\r\n0\r\n\r\n$/;

/** An address of an engine that can be made to fail, and to end as a pod does. */
export class TcpProxy {
  readonly port: number;
  readonly #target: number;
  readonly #server: Server;
  readonly #connections = new Map<Socket, 'idle' | 'asked' | 'answering'>();
  #isBroken = false;
  #isLeaving = false;

  private constructor(server: Server, target: number) {
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    server.on('connection', (client) => this.#accept(client));
  }

  /** @param target a port of the loopback @param host where it listens */
  static async start(target: number, host = '127.0.0.1'): Promise<TcpProxy> {
    const server = createServer();
    server.listen(0, host);
    await once(server, 'listening');
    return new TcpProxy(server, target);
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
    client.on('error', () => {});
    if (this.#isBroken) {
      client.resetAndDestroy();
      return;
    }
    const engine = connect(this.#target, '127.0.0.1').setNoDelay();
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
