import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createClient } from '../../kube/client.ts';
import { systemClock } from '../../kube/clock.ts';
import { loadKubeConfig } from '../../kube/config.ts';
import { createElection } from '../../kube/election.ts';
import { FencedError } from '../../kube/errors.ts';
import { ConfigMaps } from '../../kube/resources.ts';
import { createFastClock } from '../../kube/testing/fake-clock.ts';

/**
 * A candidate in a process of its own: while it leads it writes its identity into one object as fast as it
 * can. The line `stop` on its input makes it stop itself (SIGSTOP) in the middle of its next write: after
 * the call, before the request leaves. Ends with code 3 when it loses the lease.
 * Arguments: kubeconfig, identity.
 */
const [kubeconfigPath = '', identity = ''] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);
const config = await loadKubeConfig({ kubeconfigPath });

let aheadMs = 0;
let lastWrite: Promise<unknown> = Promise.resolve();
let willStop = false;
/** Reads its credentials anew when its clock is put forward; that is the middle of a write. */
const writing = createClient(
  {
    ...config,
    credentials() {
      if (willStop) {
        willStop = false;
        say('stopping');
        process.kill(process.pid, 'SIGSTOP');
      }
      return config.credentials();
    },
  },
  { clock: { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs } },
);
createInterface({ input: process.stdin }).on('line', () => {
  willStop = true;
  aheadMs += 60_000;
});

const client = createClient(config);
const election = createElection({
  client,
  namespace: 'default',
  name: 'leader',
  identity,
  // Five seconds of lease instead of fifteen.
  clock: createFastClock(3),
  async onStarted(signal) {
    const writer = writing.fenced(election.isLeader);
    const metadata = { namespace: 'default', name: 'shared' };
    for (let count = 0; !signal.aborted; count++) {
      // A write that changes nothing would be told to nobody.
      const intent = { metadata, data: { identity, count: `${count}` } };
      lastWrite = writer
        .apply(ConfigMaps, intent, { fieldManager: 'holder', force: true, timeoutMs: 5_000 })
        .catch((error) => {
          if (error instanceof FencedError) say('held back');
        });
      await lastWrite;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
});
await election.run(new AbortController().signal).catch(async () => {
  await lastWrite;
  process.exit(3);
});
