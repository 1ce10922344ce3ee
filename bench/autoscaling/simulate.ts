import type { Rule } from './rules/rule.ts';
import type { Workload } from './workloads.ts';

export interface Setting {
  /** Requests that a replica works on at once. */
  concurrency: number;
  /** From the decision until a replica serves. */
  coldStartS: number;
  maxReplicas: number;
}

export interface Outcome {
  /** Time that replicas existed, from the decision to make them until they were gone. */
  replicaHours: number;
  requests: number;
  /** Requests that waited for longer than a second before a replica took them. */
  waited: number;
  meanWaitS: number;
  p99WaitS: number;
  /** Replicas that were started. */
  starts: number;
}

interface Replica {
  state: 'starting' | 'ready' | 'draining';
  inFlight: number;
  bornS: number;
}

/** Something that will happen: later ones have a higher `order` at the same time. */
interface Event {
  atS: number;
  order: number;
  run: () => void;
}

/**
 * Plays a workload to a rule in virtual time. A replica works on `concurrency` requests at once and takes no
 * more; the others wait in one queue. One that is too many finishes what it has, and goes.
 */
export function simulate(workload: Workload, rule: Rule, setting: Setting): Outcome {
  const { concurrency, coldStartS, maxReplicas } = setting;
  const events = new EventQueue();
  const replicas = new Set<Replica>();
  const queue: { atS: number; workS: number }[] = [];
  const waitsS: number[] = [];
  let nowS = 0;
  let inFlight = 0;
  let wanted = 0;
  let starts = 0;
  let replicaS = 0;
  let nextLook: Event | undefined;

  function end(replica: Replica): void {
    replicas.delete(replica);
    replicaS += nowS - replica.bornS;
  }

  function want(count: number): void {
    wanted = count;
    const live = [...replicas].filter(({ state }) => state !== 'draining');
    for (let missing = count - live.length; missing > 0; missing--) {
      const replica: Replica = { state: 'starting', inFlight: 0, bornS: nowS };
      starts++;
      replicas.add(replica);
      events.add(nowS + coldStartS, () => {
        if (!replicas.has(replica) || replica.state !== 'starting') return;
        replica.state = 'ready';
        dispatch();
      });
    }
    // Those that do not serve go first, then those with the least to do.
    const leaving = live
      .sort(
        (a, b) =>
          Number(a.state === 'ready') - Number(b.state === 'ready') || a.inFlight - b.inFlight,
      )
      .slice(0, Math.max(0, live.length - count));
    for (const replica of leaving) {
      replica.state = 'draining';
      if (replica.inFlight === 0) end(replica);
    }
  }

  function dispatch(): void {
    while (queue.length > 0) {
      let best: Replica | undefined;
      for (const replica of replicas) {
        const isFree = replica.state === 'ready' && replica.inFlight < concurrency;
        if (isFree && replica.inFlight < (best?.inFlight ?? concurrency)) best = replica;
      }
      if (!best) return;
      serve(best, queue.shift() as (typeof queue)[number]);
    }
  }

  function serve(replica: Replica, { atS, workS }: { atS: number; workS: number }): void {
    waitsS.push(nowS - atS);
    replica.inFlight++;
    inFlight++;
    events.add(nowS + workS, () => {
      replica.inFlight--;
      inFlight--;
      if (replica.state === 'draining' && replica.inFlight === 0) end(replica);
      dispatch();
      look(true);
    });
  }

  function look(isEvent: boolean): void {
    if (isEvent && rule.periodS !== undefined) {
      // What all of them do between their looks: a request for a model at zero wakes it up.
      if (wanted === 0 && queue.length > 0) want(1);
      return;
    }
    const ready = [...replicas].filter(({ state }) => state === 'ready').length;
    const seen = { nowS, signal: inFlight + queue.length, wanted, ready, maxReplicas, isEvent };
    const { desired, againInS } = rule.decide(seen);
    if (desired !== wanted) want(desired);
    if (nextLook) nextLook.run = () => {};
    nextLook = againInS === undefined ? undefined : events.add(nowS + againInS, () => look(false));
  }

  for (const { atS, workS } of workload.arrivals) {
    events.add(atS, () => {
      queue.push({ atS: nowS, workS });
      dispatch();
      look(true);
    });
  }
  look(false);
  for (let event = events.next(); event && event.atS <= workload.untilS; event = events.next()) {
    nowS = event.atS;
    event.run();
  }
  nowS = workload.untilS;
  for (const replica of replicas) end(replica);
  for (const { atS } of queue) waitsS.push(nowS - atS);
  return summary(waitsS, replicaS, starts);
}

function summary(waitsS: number[], replicaS: number, starts: number): Outcome {
  const sorted = waitsS.toSorted((a, b) => a - b);
  return {
    replicaHours: replicaS / 3600,
    requests: sorted.length,
    waited: sorted.filter((waitS) => waitS > 1).length,
    meanWaitS: sorted.reduce((sum, waitS) => sum + waitS, 0) / Math.max(1, sorted.length),
    p99WaitS: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    starts,
  };
}

/** A binary heap by time. */
class EventQueue {
  readonly #heap: Event[] = [];
  #order = 0;

  add(atS: number, run: () => void): Event {
    const event = { atS, order: this.#order++, run };
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (isBefore(above, event)) break;
      heap[at] = above;
      heap[parent] = event;
      at = parent;
    }
    return event;
  }

  next(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      let least = at;
      for (const child of [left, left + 1])
        if (child < heap.length && isBefore(heap[child] as Event, heap[least] as Event))
          least = child;
      if (least === at) return first;
      [heap[at], heap[least]] = [heap[least] as Event, heap[at] as Event];
      at = least;
    }
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atS < other.atS || (one.atS === other.atS && one.order < other.order);
}
