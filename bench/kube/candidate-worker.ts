import { createClient } from '../../kube/client.ts';
import { createElection } from '../../kube/election.ts';
import { type Access, report, workerInput } from './workers.ts';

/** A candidate with the default durations; reports when it leads. SIGTERM is a clean stop. */
const { access, identity } = workerInput<{ access: Access; identity: string }>();
const { server, ca, token } = access;
const headers = { authorization: `Bearer ${token}` };
const client = createClient({
  server,
  namespace: 'default',
  credentials: async () => ({ headers, ca }),
});
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
const election = createElection({
  client,
  namespace: 'default',
  name: 'bench-leader',
  identity,
  async onStarted(signal) {
    report({ leadingAtMs: performance.timeOrigin + performance.now() });
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  },
});
await election.run(stop.signal);
process.exit(0);
