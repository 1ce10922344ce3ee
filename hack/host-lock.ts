import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const pollIntervalMs = 100;

/**
 * Runs `work` while no other process on this machine runs work of the same name; waits for its turn.
 * `onWait` is called once when there is a wait. The lock is an abstract socket (Linux), which the
 * kernel removes with its process, so it is never left behind.
 */
export async function withHostLock<T>(
  name: string,
  work: () => Promise<T>,
  onWait: () => void = () => {},
): Promise<T> {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  let lock = await listen(`\0fairlead-${digest}`);
  if (lock === undefined) onWait();
  while (lock === undefined) {
    await delay(pollIntervalMs);
    lock = await listen(`\0fairlead-${digest}`);
  }
  try {
    return await work();
  } finally {
    lock.close();
  }
}

function listen(path: string): Promise<Server | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Server | undefined>();
  const server = createServer((socket) => socket.destroy());
  server.on('error', (error: NodeJS.ErrnoException) =>
    error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
  );
  server.listen({ path }, () => resolve(server));
  return promise;
}
