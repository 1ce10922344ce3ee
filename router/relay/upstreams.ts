import { Client, type Dispatcher, Pool } from 'undici';
import type { Replica } from '../catalog/model.ts';

/**
 * Engines close idle connections after 5 s. undici takes its threshold off only when the engine
 * announces a time, and 4 s when it does not.
 */
const idleTimeoutMs = 4_000;

/** A handler that wants to know whether its connection served others before. */
export interface ConnectionAware extends Dispatcher.DispatchHandler {
  onConnection(reused: boolean): void;
}

/** A client with one connection at a time, which tells each request whether it is the first on it. */
class CountingClient extends Client {
  #requests = 0;

  constructor(...parameters: ConstructorParameters<typeof Client>) {
    super(...parameters);
    this.on('connect', () => {
      this.#requests = 0;
    });
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler | ConnectionAware,
  ): boolean {
    if (!('onConnection' in handler)) return super.dispatch(options, handler);
    const onRequestStart = handler.onRequestStart?.bind(handler);
    handler.onRequestStart = (controller, context) => {
      handler.onConnection(this.#requests++ > 0);
      onRequestStart?.(controller, context);
    };
    return super.dispatch(options, handler);
  }
}

/** Connections to replicas: one pool each, with as many connections as there are requests. */
export class Upstreams {
  readonly #pools = new Map<string, Pool>();
  readonly #options: Client.Options;

  constructor(options: { connectTimeoutMs: number }) {
    this.#options = {
      pipelining: 1,
      keepAliveTimeout: idleTimeoutMs,
      keepAliveMaxTimeout: idleTimeoutMs,
      // A long prefill is silent for minutes; deadlines are the router's own.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 64 * 1024,
      connect: { timeout: options.connectTimeoutMs },
      allowH2: false,
    };
  }

  /** Sends a request to a replica; on a connection of its own when `fresh`. */
  dispatch(
    replica: Replica,
    options: Dispatcher.DispatchOptions,
    handler: ConnectionAware,
    fresh: boolean,
  ): void {
    if (!fresh) {
      this.#pool(replica).dispatch(options, handler);
      return;
    }
    const client = new CountingClient(originOf(replica), this.#options);
    client.dispatch({ ...options, reset: true }, handler);
    void client.close();
  }

  /** Closes the pools of replicas that are no longer there; their open requests go on. */
  retain(replicas: Iterable<Replica>): void {
    const present = new Set<string>();
    for (const { id } of replicas) present.add(id);
    for (const [id, pool] of this.#pools) {
      if (present.has(id)) continue;
      this.#pools.delete(id);
      void pool.close();
    }
  }

  /** Destroys every connection. */
  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #pool(replica: Replica): Pool {
    let pool = this.#pools.get(replica.id);
    if (!pool) {
      pool = new Pool(originOf(replica), {
        ...this.#options,
        connections: null,
        factory: (origin, options) => new CountingClient(origin, options),
      });
      this.#pools.set(replica.id, pool);
    }
    return pool;
  }
}

function originOf({ host, port }: Replica): string {
  return `http://${host}:${port}`;
}
