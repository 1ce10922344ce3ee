import type { Balancer } from '../balance/balancer.ts';
import type { Model, Replica } from '../catalog/model.ts';
import type { Target } from '../catalog/target.ts';
import type { Ejections } from '../ejection/ejections.ts';
import { type Hold, isHeld } from '../hold/hold.ts';
import type { RelayRequest } from './request.ts';
import type { RetryBudgets } from './retry-budget.ts';

/** What decides where a request may go. */
export interface RouteDependencies {
  balancer: Balancer;
  ejections: Ejections;
  budgets: RetryBudgets;
  hold: Hold;
}

/** A model to ask, and which of its replicas can be. */
export interface Stop {
  readonly target: Target;
  readonly candidates: readonly Replica[];
  /** Whether a replica has failed the request before. */
  readonly isRetry: boolean;
}

/**
 * Where one request may still go: to replicas of the model asked for, as often as its `retries` and the
 * budget allow, then to its fallbacks; never again to a replica that failed it.
 */
export class Route {
  readonly #shared: RouteDependencies;
  readonly #request: RelayRequest;
  readonly #failed = new Set<string>();
  /** Served names of models that cannot help any more. */
  readonly #passed = new Set<string>();
  /** The model that is being asked, and how many of its replicas were. */
  #asked = { model: '', times: 0 };
  /** It has waited for the model asked for, and passes those that still do. */
  #hasWaited = false;
  /** All replicas have as much as they can do, and the request is of those that wait then. */
  #isKeptBack = false;
  /** When the request began to wait for a replica, if it had to; milliseconds of the hold's clock. */
  heldSinceMs: number | undefined;

  constructor(shared: RouteDependencies, request: RelayRequest) {
    this.#shared = shared;
    this.#request = request;
  }

  /**
   * Where to go now. A retry is taken out of the budget: whoever asks must go.
   * @param failed the replica that is not to be asked again
   * @returns undefined: nowhere
   */
  next(failed?: Replica): Stop | undefined {
    if (failed) this.#failed.add(failed.id);
    const targets = this.#request.targets();
    for (const target of targets) {
      const { servedName } = target.model;
      if (this.#passed.has(servedName) || this.#mustWait(target, target === targets[0])) continue;
      const candidates = this.#candidates(target);
      this.#isKeptBack = target === targets[0] && this.#isFull(target.model, candidates);
      if (this.#isKeptBack) return undefined;
      if (candidates.length > 0 && this.#mayAsk(target.model)) {
        const times = this.#asked.model === servedName ? this.#asked.times + 1 : 1;
        this.#asked = { model: servedName, times };
        return { target, candidates, isRetry: this.#failed.size > 0 };
      }
      if (this.#asked.times > 0) this.#passed.add(servedName);
    }
    return undefined;
  }

  /** What the request may wait for, now that it can go nowhere; undefined: nothing. */
  worthWaitingFor(): Target | undefined {
    const [target] = this.#request.targets();
    if (!target || this.#request.onlyReplica !== undefined) return undefined;
    if (target.model.replicas.length === 0) return target;
    const othersGoFirst = this.#isKeptBack || this.#shared.hold.isBusy(target);
    return this.heldSinceMs === undefined && othersGoFirst ? target : undefined;
  }

  /** The request has waited for the model asked for: it may go there now. */
  waited(): void {
    this.#hasWaited = true;
    const [target] = this.#request.targets();
    if (target) this.#passed.delete(target.model.servedName);
  }

  /** Whether a fallback can take the request. */
  canGoElsewhere(): boolean {
    const fallbacks = this.#request.targets().slice(1);
    return fallbacks.some(
      (target) => !this.#mustWait(target, false) && this.#candidates(target).length > 0,
    );
  }

  /** Others wait for the model, and this one must not pass them. */
  #mustWait(target: Target, isAskedFor: boolean): boolean {
    if (this.#request.onlyReplica !== undefined) return false;
    return this.#shared.hold.isBusy(target) && !(isAskedFor && this.#hasWaited);
  }

  /** Whether no replica has room for one of this precedence; a retry and one that has waited find some. */
  #isFull(model: Model, candidates: readonly Replica[]): boolean {
    const { precedence, onlyReplica } = this.#request;
    if (precedence === undefined || this.#hasWaited || this.#asked.times > 0) return false;
    if (!isHeld(model) || onlyReplica !== undefined || candidates.length === 0) return false;
    const { balancer } = this.#shared;
    return balancer.withRoom(candidates, model.concurrency, precedence === 'later').length === 0;
  }

  #mayAsk({ servedName, routing }: Model): boolean {
    if (this.#asked.model !== servedName) return true;
    return this.#asked.times <= routing.retries && this.#shared.budgets.take(servedName);
  }

  #candidates({ model, adapter }: Target): readonly Replica[] {
    const { replicas: all, maxInFlight } = model;
    const replicas =
      adapter === undefined ? all : all.filter(({ adapters }) => adapters?.has(adapter));
    const { onlyReplica } = this.#request;
    if (onlyReplica !== undefined) {
      return replicas.filter(({ id }) => id === onlyReplica && !this.#failed.has(id));
    }
    const { balancer, ejections } = this.#shared;
    const untried =
      this.#failed.size === 0 ? replicas : replicas.filter(({ id }) => !this.#failed.has(id));
    const admitted = ejections.admit(untried);
    const free =
      maxInFlight === undefined
        ? admitted
        : admitted.filter(({ id }) => balancer.inFlight(id) < maxInFlight);
    // What a full replica is sent waits in its engine, while another has room.
    const isKeptBack = this.#hasWaited && this.#request.precedence === 'later';
    const withRoom = balancer.withRoom(free, model.concurrency, isKeptBack);
    return withRoom.length > 0 ? withRoom : free;
  }
}
