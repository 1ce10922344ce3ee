import { connect } from 'node:net';
import { greeting, message, ready, type SocketType, ZmtpReader } from './zmtp-frames.ts';

const connectTimeoutMs = 5_000;
/** By this a peer whose node has gone is noticed, in the system's own time. */
const keepAliveMs = 30_000;

/** A connection to a ZeroMQ socket. */
export interface ZmtpConnection {
  send(parts: readonly Uint8Array[]): void;
  /** Ends it; nothing is told any more. */
  close(): void;
}

export interface ZmtpListener {
  /** The peer takes messages. */
  ready(): void;
  message(parts: readonly Buffer[]): void;
  /** It is over; why, if not orderly. */
  closed(error: Error | undefined): void;
}

/** Connects to a ZeroMQ socket that a peer has bound; without security, as engines offer it. */
export function connectZmtp(
  type: SocketType,
  { host, port }: { readonly host: string; readonly port: number },
  listener: ZmtpListener,
): ZmtpConnection {
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  socket.setKeepAlive(true, keepAliveMs);
  socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('no answer')));
  const reader = new ZmtpReader(
    () => {
      socket.setTimeout(0);
      listener.ready();
    },
    (parts) => listener.message(parts),
  );
  let failure: Error | undefined;
  socket.on('connect', () => socket.write(Buffer.concat([greeting(), ready(type)])));
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      socket.destroy(error as Error);
    }
  });
  socket.on('error', (error) => {
    failure = error;
  });
  socket.on('end', () => socket.destroy());
  const closed = () => listener.closed(failure);
  socket.on('close', closed);
  return {
    send: (parts) => void socket.write(message(parts)),
    close: () => {
      socket.off('close', closed);
      socket.destroy();
    },
  };
}
