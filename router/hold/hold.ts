import type { Balancer } from '../balance/balancer.ts';
import type { Catalog, HoldBounds, Model, Replica } from '../catalog/model.ts';
import type { Target } from '../catalog/target.ts';
import type { Deadline } from '../relay/deadline-wheel.ts';
import type { Deadlines } from '../relay/deadlines.ts';
import { PriorityQueue, type Queued } from './queue.ts';
import { type RouterDemand, shareOf } from './share.ts';

/**
 * Why a wait is over: there is room at a replica; a fallback can take the request; its deadline; nothing
 * will start for it any more.
 */
export type HoldEnd = 'room' | 'elsewhere' | 'deadline' | 'hopeless';

/**
 * Whether a request goes before others where keys have different priorities: `later` keeps back from
 * replicas that have prompts to compute, so that a `first` finds none before it. Undefined: all are equal,
 * and replicas may have as many waiting as come.
 */
export type Precedence = 'first' | 'later' | undefined;

/** A request that is to wait. */
export interface HeldRequest extends Queued {
  readonly precedence?: Precedence;
  /** When it began to wait, for one that waits again: its deadline stays. Milliseconds of the hold's clock. */
  readonly sinceMs?: number | undefined;
  /** Whether a fallback can take it; asked when the catalog has changed. */
  canGoElsewhere(): boolean;
  /** How much of its prompt, between 0 and 1, one of these replicas is expected to have in its prefix cache. */
  fit(replicas: readonly Replica[]): number;
  /** Told once, unless the request leaves before. At `room` it must go to a replica at once. */
  over(end: HoldEnd): void;
}

/** A request's place among those that wait. */
export interface HoldPlace {
  readonly sinceMs: number;
  /** The client has gone. */
  leave(): void;
}

/** What is known of the other routers. */
export interface HoldNeighbours {
  inFlight(replicaId: string): number;
  /** What each of them has of a model, held or in flight. */
  demands(modelKey: string): readonly RouterDemand[];
}

export interface HoldOptions {
  /** This router's name among the others. */
  router: string;
  load: Pick<Balancer, 'inFlight' | 'withRoom'>;
  neighbours: HoldNeighbours;
  deadlines: Deadlines;
  nowMs: () => number;
  /** Of the bodies of all requests that wait; one model may have half of it. */
  limitBytes: number;
  /** Told of more or fewer that wait. @param isFirst the first of its model, which nothing serves yet */
  changed: (isFirst: boolean) => void;
}

interface Entry extends Queued, HoldPlace {
  readonly request: HeldRequest;
  readonly deadline: Deadline;
}

/** Requests for one model, or for one adapter of it. */
interface TargetQueue {
  readonly id: string;
  /** As the catalog has it now. */
  model: HeldModel;
  readonly adapter: string | undefined;
  readonly entries: PriorityQueue<Entry>;
}

/** A model that requests may wait for. */
export type HeldModel = Model & { readonly hold: HoldBounds };

/** Released in one turn of the event loop, so that other work is not kept waiting. */
const releasesPerTurn = 16;

/**
 * Requests that wait for a replica, by model: bounded in number and bytes, each until its deadline, the
 * highest priority first, and within it about in their order, so that prompts go where they are cached. Let go as
 * replicas have room, never more than those work on at once, over all routers; while some wait, who comes later waits
 * behind them. Models take turns.
 */
export class Hold {
  readonly #options: HoldOptions;
  /** By {@link idOf}; none is empty. The first is whose turn is next. */
  readonly #queues = new Map<string, TargetQueue>();
  #bytes = 0;
  #scheduled: NodeJS.Immediate | undefined;

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  /** Requests that wait for any model. */
  get total(): number {
    let total = 0;
    for (const { entries } of this.#queues.values()) total += entries.length;
    return total;
  }

  /** Requests that wait for a model or its adapters, by key of the model; only those with any. */
  waiting(): ReadonlyMap<string, number> {
    const waiting = new Map<string, number>();
    for (const { model, entries } of this.#queues.values()) {
      waiting.set(model.key, (waiting.get(model.key) ?? 0) + entries.length);
    }
    return waiting;
  }

  /** Whether requests wait for what a name leads to, so that others must not pass them. */
  isBusy(target: Target): boolean {
    return this.#queues.size > 0 && this.#queues.has(idOf(target));
  }

  /** Lets a request wait. @returns undefined: there is no room for it to wait */
  enter(
    model: HeldModel,
    adapter: string | undefined,
    request: HeldRequest,
  ): HoldPlace | undefined {
    const id = idOf({ model, adapter });
    const entries = new PriorityQueue<Entry>();
    const queue: TargetQueue = this.#queues.get(id) ?? { id, model, adapter, entries };
    if (!this.#fits(queue, request)) return undefined;
    const { nowMs, deadlines, changed } = this.#options;
    const { priority, bytes, sinceMs = nowMs() } = request;
    const leftMs = Math.max(1, sinceMs + model.hold.timeoutMs - nowMs());
    const deadline = deadlines.after(leftMs, () => this.#end(queue, entry, 'deadline'));
    const leave = () => void this.#remove(queue, entry);
    const entry: Entry = { priority, bytes, request, sinceMs, deadline, leave };
    queue.entries.add(entry);
    this.#bytes += bytes;
    this.#queues.set(id, queue);
    changed(queue.entries.length === 1);
    if (model.replicas.length > 0) this.pump();
    return entry;
  }

  /** The catalog has changed: there may be room, or nothing to wait for any more. */
  update({ models }: Catalog): void {
    if (this.#queues.size === 0) return;
    const byKey = new Map(models.map((model) => [model.key, model]));
    for (const queue of this.#queues.values()) {
      const model = byKey.get(queue.model.key);
      if (model && isHeld(model)) queue.model = model;
      const end = queue.model === model ? 'elsewhere' : 'hopeless';
      if (end === 'elsewhere' && model?.routing.fallbacks.length === 0) continue;
      for (const entry of [...queue.entries]) {
        if (end === 'hopeless' || entry.request.canGoElsewhere()) this.#end(queue, entry, end);
      }
    }
    this.pump();
  }

  /** There may be room: a request is over, here or at a neighbour. */
  pump = (): void => {
    if (this.#queues.size > 0) this.#scheduled ??= setImmediate(() => this.#release());
  };

  #release(): void {
    this.#scheduled = undefined;
    for (let left = releasesPerTurn; left > 0; left--) {
      const queue = this.#nextWithRoom();
      const entry = queue && this.#choose(queue);
      if (!entry) return;
      this.#end(queue, entry, 'room');
    }
    this.pump();
  }

  /** Whose turn it is among the models that have room; it goes to the end of the line. */
  #nextWithRoom(): TargetQueue | undefined {
    for (const queue of this.#queues.values()) {
      if (this.#room(queue) <= 0) continue;
      this.#queues.delete(queue.id);
      this.#queues.set(queue.id, queue);
      return queue;
    }
    return undefined;
  }

  /** Who goes of those that wait: about who came first, and where its prompt is. */
  #choose(queue: TargetQueue): Entry | undefined {
    const replicas = this.#withRoom(queue);
    return queue.entries.choose(replicas.length, ({ request }) => request.fit(replicas));
  }

  #withRoom({ model, adapter, entries }: TargetQueue): readonly Replica[] {
    const isKeptBack = entries.first?.request.precedence === 'later';
    const replicas = replicasWith(model, adapter);
    return this.#options.load.withRoom(replicas, model.concurrency, isKeptBack);
  }

  /** How many requests of a model may go now. */
  #room(queue: TargetQueue): number {
    const { model, adapter, entries } = queue;
    const { router, load, neighbours } = this.#options;
    const { concurrency, key } = model;
    const replicas = replicasWith(model, adapter);
    if (replicas.length === 0) return 0;
    let [own, free] = [0, 0];
    for (const { id } of replicas) own += load.inFlight(id);
    for (const { id } of this.#withRoom(queue)) {
      free += concurrency - load.inFlight(id) - neighbours.inFlight(id);
    }
    if (own === 0) return 1;
    const demand = own + entries.length;
    const places = replicas.length * concurrency;
    const share = shareOf(places, { router, demand }, neighbours.demands(key));
    return Math.min(share - own, free);
  }

  /** One alone may always wait, however large it is. */
  #fits({ model, entries }: TargetQueue, { bytes }: HeldRequest): boolean {
    const { limitBytes } = this.#options;
    if (entries.length >= model.hold.maxRequests) return false;
    if (this.#bytes > 0 && this.#bytes + bytes > limitBytes) return false;
    return entries.length === 0 || entries.bytes + bytes <= limitBytes / 2;
  }

  #end(queue: TargetQueue, entry: Entry, end: HoldEnd): void {
    if (!this.#remove(queue, entry)) return;
    entry.request.over(end);
  }

  /** @returns false: it is not there any more */
  #remove(queue: TargetQueue, entry: Entry): boolean {
    const { entries, id } = queue;
    if (!entries.remove(entry)) return false;
    entry.deadline.cancel();
    this.#bytes -= entry.bytes;
    if (entries.length === 0) this.#queues.delete(id);
    this.#options.changed(false);
    return true;
  }
}

/** Whether requests may wait for a model. */
export function isHeld(model: Model): model is HeldModel {
  return model.hold !== undefined;
}

function idOf({ model, adapter }: Pick<Target, 'model' | 'adapter'>): string {
  return adapter === undefined ? model.key : `${model.key}:${adapter}`;
}

function replicasWith({ replicas }: Model, adapter: string | undefined): readonly Replica[] {
  return adapter === undefined
    ? replicas
    : replicas.filter(({ adapters }) => adapters?.has(adapter));
}
