import { PriorityQueue, type Queued } from '../../router/hold/queue.ts';
import { seededRandom } from './random.ts';
import { Replica, type ReplicaModel } from './replica.ts';
import type { SimRequest, Workload } from './request.ts';
import type { EngineState, Rule, RuleContext } from './rules/rule.ts';

/** How often engines' metrics are read. */
const scrapeS = 0.05;
/** How often routers tell each other what is new: the router's 20 ms, and the way. */
const tellS = 0.03;

/** What is simulated. */
export interface Setting {
  readonly workload: Workload;
  readonly replicas: number;
  readonly routers: number;
  /** Whether routers tell each other what they do, where their rule can. */
  readonly isShared: boolean;
  readonly model: ReplicaModel;
  readonly seed: number;
  /** Absent: each request is sent at once. For a single router. */
  readonly admission?: Admission;
}

/** How requests wait in the router while no replica has room. */
export interface Admission {
  /** 1: it goes first; 0: the others. */
  readonly priorityOf: (request: SimRequest) => number;
  /** One more is refused. */
  readonly maxHeld: number;
}

/** What came of one request. Times are seconds. */
export interface Served {
  readonly request: SimRequest;
  /** -1: it was refused. */
  replica: number;
  readonly router: number;
  readonly arrivedS: number;
  firstTokenS: number;
  finishedS: number;
  cachedTokens: number;
}

type Event =
  | { kind: 'arrival'; atS: number; request: SimRequest }
  | { kind: 'steps'; atS: number; replica: number }
  | { kind: 'tell'; atS: number };

/** Runs a workload to its last answer. Each request comes in at a router drawn by chance. */
export function simulate(setting: Setting, makeRule: (context: RuleContext) => Rule): Served[] {
  const { workload, model, seed } = setting;
  const all: Served[] = [];
  const open = new Map<SimRequest, Served>();
  const queue = new EventQueue();
  let nowS = 0;

  const replicas = Array.from(
    { length: setting.replicas },
    () =>
      new Replica(model, workload.blockTokens, {
        firstToken(request, atS, cachedTokens) {
          const served = open.get(request) as Served;
          served.firstTokenS = atS;
          served.cachedTokens = cachedTokens;
          rules[served.router]?.firstToken(request, served.replica, cachedTokens);
          tellSoon();
        },
        finished(request, atS) {
          const served = open.get(request) as Served;
          served.finishedS = atS;
          open.delete(request);
          rules[served.router]?.finished(request, served.replica);
          tellSoon();
          const { next } = request;
          if (next) {
            queue.push({ kind: 'arrival', atS: atS + next.afterS, request: next.request });
          }
        },
      }),
  );
  let scrapedS = -1;
  let scraped: EngineState[] = [];
  const engineState = (replica: number) => {
    if (nowS - scrapedS > scrapeS) {
      scrapedS = nowS;
      scraped = replicas.map(({ waiting, kvUsedShare }) => ({ waiting, kvUsedShare }));
    }
    return scraped[replica] as EngineState;
  };
  const rules = Array.from({ length: setting.routers }, (_, router) =>
    makeRule({
      replicas: setting.replicas,
      model,
      blockTokens: workload.blockTokens,
      random: seededRandom(seed * 1_000 + router),
      engineState,
      nowMs: () => 1_000 * nowS,
    }),
  );
  const entrance = seededRandom(seed + 77);
  let isTelling = false;
  const tellSoon = () => {
    if (isTelling || !setting.isShared || rules.length === 1 || !rules[0]?.tell) return;
    isTelling = true;
    queue.push({ kind: 'tell', atS: nowS + tellS });
  };

  const stepsOf = (at: number) => {
    const atS = replicas[at]?.endS ?? Number.POSITIVE_INFINITY;
    if (atS < Number.POSITIVE_INFINITY) queue.push({ kind: 'steps', atS, replica: at });
  };
  const send = (served: Served, among?: readonly number[]) => {
    const rule = rules[served.router] as Rule;
    const at = rule.pick(served.request, among);
    const endS = replicas[at]?.endS;
    served.replica = at;
    rule.sent(served.request, at);
    tellSoon();
    replicas[at]?.arrive(served.request, nowS);
    if (replicas[at]?.endS !== endS) stepsOf(at);
  };
  const { admission } = setting;
  const held = new PriorityQueue<Served & Queued>();
  const withRoom = ({ priority }: Queued) =>
    replicas.flatMap((_, at) => (rules[0]?.hasRoom?.(at, priority > 0) === false ? [] : [at]));

  for (const { atS, request } of workload.arrivals) queue.push({ kind: 'arrival', atS, request });
  for (let event = queue.pop(); event; event = queue.pop()) {
    nowS = event.atS;
    if (event.kind === 'tell') {
      isTelling = false;
      const news = rules.flatMap((rule) => rule.tell?.() ?? []);
      for (const [own, rule] of rules.entries()) rule.hear?.(news.filter((_, by) => by !== own));
    } else if (event.kind === 'steps') {
      const { replica } = event;
      // Steps that were cut short by an arrival have left an event behind.
      if (replicas[replica]?.endS !== nowS) continue;
      replicas[replica]?.advance();
      stepsOf(replica);
    } else {
      const { request } = event;
      const served = {
        ...{ request, replica: -1, router: entrance.below(rules.length), arrivedS: nowS },
        ...{ firstTokenS: 0, finishedS: 0, cachedTokens: 0 },
        ...{ priority: admission?.priorityOf(request) ?? 0, bytes: 0 },
      };
      all.push(served);
      if (held.length > 0 || (admission && withRoom(served).length === 0)) {
        if (held.length === admission?.maxHeld) continue;
        open.set(request, served);
        held.add(served);
        continue;
      }
      open.set(request, served);
      send(served);
    }
    for (let { first } = held; first; { first } = held) {
      const among = withRoom(first);
      if (among.length === 0) break;
      const fit = ({ request }: Served) => rules[0]?.fit?.(request, among) ?? 0;
      const next = held.choose(among.length, fit) ?? first;
      held.remove(next);
      send(next, among);
    }
  }
  return all;
}

/** Events by time; those of one time in the order in which they came. */
class EventQueue {
  readonly #heap: { event: Event; order: number }[] = [];
  #count = 0;

  push(event: Event): void {
    const heap = this.#heap;
    const added = { event, order: this.#count++ };
    let at = heap.length;
    heap.push(added);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!isBefore(added, heap[parent])) break;
      heap[at] = heap[parent] as (typeof heap)[number];
      at = parent;
    }
    heap[at] = added;
  }

  pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first?.event;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child] as (typeof heap)[number];
      at = child;
    }
    heap[at] = last;
    return first.event;
  }
}

type Ordered = { event: Event; order: number } | undefined;

function isBefore(a: Ordered, b: Ordered): boolean {
  if (!a || !b) return false;
  return a.event.atS < b.event.atS || (a.event.atS === b.event.atS && a.order < b.order);
}
