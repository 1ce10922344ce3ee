import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient, type KubeClient } from '../../kube/client.ts';
import { createReflector } from '../../kube/reflector.ts';
import { ConfigMaps } from '../../kube/resources.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

let plane: ControlPlane;
let client: KubeClient;
beforeAll(async () => {
  plane = await startControlPlane();
  client = createClient(plane.config);
});
afterAll(async () => {
  await client?.close();
  await plane?.stop();
});

interface Candidate {
  child: ChildProcess;
  said: string[];
}
const candidates = new Map<string, Candidate>();
let made = 0;

/** Starts one more; when it has ended it is no longer among the candidates. */
function launch(): void {
  const identity = `p${made++}`;
  const script = fileURLToPath(new URL('./election-holder.ts', import.meta.url));
  const child = spawn(process.execPath, [script, plane.kubeconfigPath, identity], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => said.push(line));
  candidates.set(identity, { child, said });
  // Its last line may be read after it has ended, but not after `close`.
  child.on('close', () => candidates.delete(identity));
}

it('at most one leader at any instant, also when the holder is stopped past its lease and resumed', async () => {
  /** Who wrote, in the order of the server. */
  const writers: string[] = [];
  const reflector = createReflector({ client, type: ConfigMaps, namespace: 'default' });
  reflector.addHandler((_, after) => {
    if (after?.data?.identity) writers.push(after.data.identity);
  });
  reflector.start();
  await reflector.synced();

  /** The present leader, stopped in the middle of a write. */
  async function stopLeader(): Promise<Candidate & { identity: string }> {
    for (;;) {
      while (candidates.size < 3) launch();
      const found = await eventually(
        'a writer',
        () => {
          const identity = writers.at(-1) ?? '';
          const candidate = candidates.get(identity);
          return candidate && { identity, ...candidate };
        },
        60_000,
      );
      found.child.stdin?.write('stop\n');
      await eventually(
        'the leader to stop in a write, or to end',
        () => found.said.includes('stopping') || !candidates.has(found.identity),
        60_000,
      );
      // On a machine that stalls a lease may be lost at any time: then it is the next one's turn.
      if (found.said.includes('stopping')) return found;
    }
  }

  try {
    for (let round = 0; round < 2; round++) {
      const stopped = await stopLeader();
      await eventually('another writer', () => writers.at(-1) !== stopped.identity, 60_000);
      stopped.child.kill('SIGCONT');
      await eventually('its end', () => !candidates.has(stopped.identity), 60_000);
      expect(stopped.child.exitCode).toBe(3);
      expect(stopped.said).toContain('held back');
      const count = writers.length;
      await eventually('more writes', () => writers.length > count + 5, 60_000);
    }
    const terms = writers.filter((writer, index) => writer !== writers[index - 1]);
    expect(new Set(terms).size, terms.join()).toBe(terms.length);
    expect(terms.length).toBeGreaterThanOrEqual(3);
  } finally {
    for (const { child } of candidates.values()) child.kill('SIGKILL');
    await eventually('all candidates gone', () => candidates.size === 0);
    await reflector.stop();
  }
}, 300_000);
