import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import type { Replica } from '../catalog/model.ts';
import { originOf } from '../catalog/origin.ts';

/**
 * Engines close idle connections after 5 s. undici takes its threshold off only when the engine
 * announces a time, and 4 s when it does not.
 */
const idleTimeoutMs = 4_000;

/**
 * One connection to a replica, with one request at a time; undici speaks HTTP on it. It is made with its
 * first request, and anew when the replica has closed it.
 */
export class Connection {
  readonly replica: Replica;
  readonly #client: Client;
  #socket: Socket | undefined;
  #requests = 0;
  #bytesBefore = 0;
  #isBroken = false;

  /** @param closed called when the replica or the idle time closes it, and when it cannot be made */
  constructor(replica: Replica, closed: () => void) {
    this.replica = replica;
    this.#client = new Client(originOf(replica), {
      pipelining: 1,
      keepAliveTimeout: idleTimeoutMs,
      keepAliveMaxTimeout: idleTimeoutMs,
      // A long prefill is silent for minutes; deadlines are the router's own.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 64 * 1024,
      allowH2: false,
      connect: (options, callback) => this.#connect(options, callback),
    });
    this.#client.on('disconnect', closed);
    this.#client.on('connectionError', closed);
  }

  send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(options, handler);
  }

  /** A request is about to be written. */
  began(): void {
    this.#requests++;
    this.#bytesBefore = this.#socket?.bytesRead ?? 0;
  }

  /** It had served another request before the present one. */
  get isReused(): boolean {
    return this.#requests > 1;
  }

  /** Bytes of an answer to the present request have come. */
  get hasAnswered(): boolean {
    return (this.#socket?.bytesRead ?? 0) > this.#bytesBefore;
  }

  /**
   * It ended by an error rather than by the replica's own close. undici takes both for the end of an
   * answer that lasts until its connection closes.
   */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Closes it at once, in whatever state it is; resolves when everybody knows. */
  async destroy(): Promise<void> {
    this.#socket?.destroy();
    await this.#client.destroy();
  }

  #connect({ hostname, port }: buildConnector.Options, callback: buildConnector.Callback): void {
    const { external } = this.replica;
    const target = { host: hostname, port: Number(port) };
    const socket = external?.tls
      ? connectTls({
          ...target,
          port: target.port || 443,
          ca: external.ca,
          servername: isIP(hostname) ? undefined : hostname,
          ALPNProtocols: ['http/1.1'],
        })
      : connectTcp({ ...target, port: target.port || 80 });
    this.#socket = socket;
    this.#requests = 0;
    this.#isBroken = false;
    let isMade = false;
    // Stands before undici's own listener, which ends the answer.
    socket.on('error', (error) => {
      this.#isBroken = true;
      if (!isMade) callback(error, null);
    });
    socket.once(external?.tls ? 'secureConnect' : 'connect', () => {
      isMade = true;
      callback(null, socket);
    });
    socket.setNoDelay(true).setKeepAlive(true, 60_000);
  }
}
