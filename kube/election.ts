import type { Fence, KubeClient } from './client.ts';
import { sleep, systemClock } from './clock.ts';
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import { microTime } from './events.ts';
import { type Instruments, silentLogger } from './logger.ts';
import { createReflector } from './reflector.ts';
import { type Lease, Leases } from './resources.ts';

export interface ElectionOptions extends Instruments {
  /** Without a fence: the lease itself must be written before anyone leads. */
  client: KubeClient;
  namespace: string;
  /** Of the Lease, and the `name` label of the metric. */
  name: string;
  /** Different for every process: pod name and a random part. */
  identity: string;
  /** Runs while leading; must end soon after its signal aborts. The lease is held until it has. */
  onStarted: (signal: AbortSignal) => Promise<void>;
}

/** The lease was lost. Remedy: exit, and come back as a candidate with nothing in memory. */
export class LeadershipLostError extends Error {
  override name = 'LeadershipLostError';
}

/** How long others wait after the last renewal they saw. These are client-go's durations. */
const leaseDurationMs = 15_000;
/** How long a renewal is good for. Must be smaller than the lease duration. */
const renewDeadlineMs = 10_000;
/** Between renewals, and at most between attempts to acquire. */
const retryPeriodMs = 2_000;
const callTimeoutMs = 5_000;

/**
 * Leader election over a Lease (client-go, tools/leaderelection). Who waits judges by when it saw the lease
 * change, on its own monotonic clock; renewTime is written for people and never compared. A renewal counts
 * from before it was sent, so this process's term ends 5 s before anyone else's can begin, also when it was
 * stopped in between.
 */
export function createElection(options: ElectionOptions) {
  const { client, namespace, name, identity, clock = systemClock, metrics } = options;
  const log = (options.log ?? silentLogger).child({ lease: name, identity });
  const ref = { namespace, name };

  let termEndsMs = Number.NEGATIVE_INFINITY;
  let lease: Lease | undefined;
  /** What the lease last said; deleting it does not shorten the term of who held it. */
  let claim: Partial<Lease['spec']> = {};
  /** When `lease` was first seen in its present state. */
  let observedAtMs = Number.NEGATIVE_INFINITY;
  let changed = new AbortController();

  const isLeader: Fence = () => clock.nowMs() < termEndsMs;
  const endTerm = () => {
    termEndsMs = Number.NEGATIVE_INFINITY;
  };

  function observe(seen: Lease | undefined): void {
    if (seen?.metadata.resourceVersion === lease?.metadata.resourceVersion) return;
    lease = seen;
    claim = seen?.spec ?? claim;
    observedAtMs = clock.nowMs();
    changed.abort();
    changed = new AbortController();
  }

  /** No call of a leader lasts beyond its term. */
  const call = (signal?: AbortSignal) => {
    const termMs = isLeader() ? termEndsMs - clock.nowMs() : callTimeoutMs;
    return { signal, timeoutMs: Math.min(callTimeoutMs, termMs) };
  };

  async function read(signal?: AbortSignal): Promise<void> {
    try {
      observe(await client.get(Leases, ref, call(signal)));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      observe(undefined);
    }
  }

  /** How long others' claim still holds, in milliseconds. */
  function waitMs(): number {
    const { holderIdentity: holder, leaseDurationSeconds = 0 } = claim;
    if (!holder || holder === identity) return 0;
    return observedAtMs + leaseDurationSeconds * 1000 - clock.nowMs();
  }

  /** Acquires, renews or, with '', releases; false when someone wrote in between. */
  async function write(holderIdentity: string, signal?: AbortSignal): Promise<boolean> {
    const sentAtMs = clock.nowMs();
    const renewTime = microTime();
    const { leaseTransitions = 0 } = lease?.spec ?? {};
    const acquired = { acquireTime: renewTime, leaseTransitions: leaseTransitions + 1 };
    const spec = {
      holderIdentity,
      // A released lease is free at once (client-go, release).
      leaseDurationSeconds: holderIdentity ? leaseDurationMs / 1000 : 1,
      renewTime,
      ...(holderIdentity && lease?.spec.holderIdentity !== holderIdentity && acquired),
    };
    try {
      const resourceVersion = lease?.metadata.resourceVersion;
      const patch = { metadata: { resourceVersion }, spec };
      const written = resourceVersion
        ? client.patch(Leases, ref, patch, { ...call(signal), patchType: 'merge' })
        : client.create(Leases, { metadata: ref, spec }, call(signal));
      observe(await written);
      if (holderIdentity) termEndsMs = sentAtMs + renewDeadlineMs;
      return true;
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error) || isNotFound(error)) return false;
      throw error;
    }
  }

  /** One attempt of a candidate or leader; a failure is left to the next. */
  async function step(signal?: AbortSignal): Promise<void> {
    try {
      if (!isLeader()) await read(signal);
      if (waitMs() > 0 || (await write(identity, signal))) return;
      await read(signal);
      if (claim.holderIdentity !== identity) endTerm();
    } catch (error) {
      if (!signal?.aborted) log.warn({ err: error }, 'lease could not be read or written');
    }
  }

  /** Resolves when this process leads or `signal` aborts. */
  async function acquire(signal: AbortSignal): Promise<void> {
    const fieldSelector = `metadata.name=${name}`;
    const reflector = createReflector({ client, type: Leases, namespace, fieldSelector, clock });
    reflector.addHandler((_, after) => observe(after));
    reflector.start();
    while (!signal.aborted) {
      await step(signal);
      if (isLeader()) break;
      const pauseMs = Math.max(waitMs(), retryPeriodMs * (0.5 + 0.5 * Math.random()));
      await sleep(clock, pauseMs, AbortSignal.any([signal, changed.signal]));
    }
    await reflector.stop();
  }

  /** Renews until `until` aborts or the term has ended. */
  async function renew(until: AbortSignal): Promise<void> {
    while (!until.aborted && isLeader()) {
      await sleep(clock, Math.min(retryPeriodMs, termEndsMs - clock.nowMs()), until);
      if (!until.aborted && isLeader()) await step();
    }
  }

  async function lead(signal: AbortSignal): Promise<void> {
    log.info({}, 'leading');
    metrics?.isLeader.set({ name }, 1);
    const [lost, ended] = [new AbortController(), new AbortController()];
    const stop = AbortSignal.any([signal, lost.signal]);
    const working = options.onStarted(stop).finally(() => ended.abort());
    // It is awaited only after the renewals have ended; until then its failure must not be unhandled.
    working.catch(() => {});
    try {
      await renew(ended.signal);
      if (!isLeader()) {
        lost.abort(new LeadershipLostError(`lease ${namespace}/${name} was lost`));
        throw lost.signal.reason;
      }
      await working;
    } finally {
      const mayRelease = isLeader();
      endTerm();
      if (mayRelease)
        await write('').catch((error) =>
          log.warn({ err: error }, 'lease could not be released; others wait for its end'),
        );
      metrics?.isLeader.set({ name }, 0);
    }
  }

  return {
    /** Whether this process may write now. False as soon as the last renewal is too old, whatever runs. */
    isLeader,
    /**
     * Takes part until `signal` aborts; then waits for `onStarted` to end, releases the lease and resolves.
     * @throws LeadershipLostError when the lease could not be renewed in time: the process must exit.
     */
    async run(signal: AbortSignal): Promise<void> {
      await acquire(signal);
      if (isLeader()) await lead(signal);
    },
  };
}
