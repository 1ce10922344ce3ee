import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { encode } from '@msgpack/msgpack';
import { greeting, message, ready, ZmtpReader } from '../zmtp-frames.ts';

const endOfReplay = Buffer.alloc(8, 0xff);

/** Publishes as vLLM's ZmqEventPublisher does, and fails when told to. A fake: for faults alone. */
export class FakePublisher {
  readonly port: number;
  readonly replayPort: number;
  readonly #servers: readonly Server[];
  readonly #sockets = new Set<Socket>();
  readonly #subscribers = new Set<Socket>();
  #batches: { seq: number; payload: Uint8Array }[] = [];
  #next = 0;
  #ts = 1;

  private constructor(servers: readonly [Server, Server]) {
    this.#servers = servers;
    const [events, replay] = servers;
    this.port = (events.address() as AddressInfo).port;
    this.replayPort = (replay.address() as AddressInfo).port;
    this.#serve(events, 'PUB', (socket) => this.#subscribers.add(socket));
    this.#serve(replay, 'ROUTER', (socket, [, from]) => this.#replay(socket, from));
  }

  static async start(): Promise<FakePublisher> {
    const servers = [createServer(), createServer()] as const;
    for (const server of servers) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return new FakePublisher([...servers]);
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** @param isLost it gets to nobody */
  publish(events: readonly unknown[], isLost = false): void {
    const seq = this.#next++;
    const payload = encode([this.#ts++, events, 0]);
    this.#batches.push({ seq, payload });
    if (isLost) return;
    for (const socket of this.#subscribers) {
      socket.write(message([Buffer.alloc(0), bytesOf(seq), payload]));
    }
  }

  /** It cannot tell again what it has told before. */
  forget(): void {
    this.#batches = [];
  }

  /** All connections break. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** It ends and begins anew. */
  restart(): void {
    this.forget();
    this.#next = 0;
    this.disconnect();
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) server.close();
    this.disconnect();
    await Promise.all(this.#servers.map((server) => once(server, 'close')));
  }

  #serve(
    server: Server,
    type: 'PUB' | 'ROUTER',
    received: (socket: Socket, parts: readonly Buffer[]) => void,
  ): void {
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#subscribers.delete(socket);
      });
      const peerIsReady = () => void socket.write(ready(type));
      const reader = new ZmtpReader(peerIsReady, (parts) => received(socket, parts));
      socket.write(greeting());
      socket.on('data', (chunk: Buffer) => reader.push(chunk));
    });
  }

  #replay(socket: Socket, from: Buffer | undefined): void {
    const first = Number(from?.readBigUInt64BE());
    const nothing = Buffer.alloc(0);
    for (const { seq, payload } of this.#batches) {
      if (seq >= first) socket.write(message([nothing, nothing, bytesOf(seq), payload]));
    }
    socket.write(message([nothing, nothing, endOfReplay, nothing]));
  }
}

function bytesOf(seq: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(seq));
  return bytes;
}
