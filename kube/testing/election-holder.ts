import { createClient } from '../client.ts';
import { createElection } from '../election.ts';
import { Widgets } from './objects.ts';

/**
 * A candidate in a process of its own: while it leads it writes its identity into one object as fast as it
 * can. Ends with code 3 when it loses the lease. Arguments: server, identity, and the three durations in ms.
 */
const [server = '', identity = '', ...durations] = process.argv.slice(2);
const [leaseDurationMs, renewDeadlineMs, retryPeriodMs] = durations.map(Number);
const client = createClient({ server, namespace: 'default', credentials: async () => ({}) });
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());

const election = createElection({
  client,
  namespace: 'default',
  name: 'leader',
  identity,
  leaseDurationMs,
  renewDeadlineMs,
  retryPeriodMs,
  async onStarted(signal) {
    const writer = client.fenced(election.isLeader);
    const ref = { namespace: 'default', name: 'shared' };
    // Many at once, so that wherever the process is stopped, some are about to write.
    const loops = Array.from({ length: 16 }, async () => {
      while (!signal.aborted) {
        const patch = { spec: { text: identity } };
        const written = writer.patch(Widgets, ref, patch, { patchType: 'merge', timeoutMs: 500 });
        await written.catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 1 + 20 * Math.random()));
      }
    });
    await Promise.all(loops);
  },
});
await election.run(stop.signal).catch(() => process.exit(3));
await client.close();
