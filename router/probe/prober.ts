import { isReady } from '../../kube/readiness.ts';
import type { Pod } from '../../kube/resources.ts';
import { askHealth } from './ask.ts';
import { type ProbeTarget, probeTarget } from './target.ts';

/** How often each starting pod is asked, in milliseconds. */
const roundMs = 100;
/** With more starting pods than this, each is asked less often. */
const mostPerRound = 20;
/** Questions without an answer yet: pods that swallow them do not take the turn of others. */
const mostOpen = 100;

export interface ProberOptions {
  /** Told when a pod begins or ceases to answer. */
  onChange: (target: ProbeTarget) => void;
  /** Whether the engine at this URL serves; undefined: not known. */
  ask?: (url: string) => Promise<boolean | undefined>;
}

/**
 * Asks the engines of starting pods whether they serve, so that the first request does not wait for the
 * kubelet's next probe and the way of its word through the API server. What the kubelet says of a pod that
 * has been Ready once is never overridden.
 */
export class Prober {
  readonly #onChange: ProberOptions['onChange'];
  readonly #ask: (url: string) => Promise<boolean | undefined>;
  /** Pods that were Ready at some time, of those that are there. */
  readonly #wereReady = new Set<string>();
  /** By uid, in the order in which they are asked. */
  readonly #targets = new Map<string, ProbeTarget>();
  readonly #answering = new Set<string>();
  readonly #asked = new Set<string>();
  #rounds: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor({ onChange, ask = askHealth }: ProberOptions) {
    this.#onChange = onChange;
    this.#ask = ask;
  }

  /** The uids of pods that serve though the kubelet has not said so yet. */
  get answering(): ReadonlySet<string> {
    return this.#answering;
  }

  /** Takes a pod as it is now. */
  follow(pod: Pod): void {
    if (this.#isStopped) return;
    const { uid } = pod.metadata;
    if (isReady(pod)) this.#wereReady.add(uid);
    const target = this.#wereReady.has(uid) ? undefined : probeTarget(pod);
    if (target) {
      // One that was there keeps its turn.
      this.#targets.set(uid, target);
      this.#start();
    } else this.#drop(uid);
  }

  /** A pod is not there any more. @param uid of the pod */
  forget(uid: string): void {
    this.#wereReady.delete(uid);
    this.#drop(uid);
  }

  /** Asks nobody any more, whoever comes. */
  stop(): void {
    this.#isStopped = true;
    for (const uid of this.#targets.keys()) this.#drop(uid);
  }

  #drop(uid: string): void {
    this.#answering.delete(uid);
    this.#targets.delete(uid);
    if (this.#targets.size > 0) return;
    clearInterval(this.#rounds);
    this.#rounds = undefined;
  }

  #start(): void {
    if (this.#rounds) return;
    this.#rounds = setInterval(() => this.#round(), roundMs);
    // Of those that come together all are there by then.
    queueMicrotask(() => this.#round());
  }

  #round(): void {
    const turn = [...this.#targets.values()].filter(({ id }) => !this.#asked.has(id));
    for (const target of turn.slice(0, Math.min(mostPerRound, mostOpen - this.#asked.size))) {
      this.#targets.delete(target.id);
      this.#targets.set(target.id, target);
      void this.#probe(target);
    }
  }

  async #probe(target: ProbeTarget): Promise<void> {
    const { id, url } = target;
    this.#asked.add(id);
    const serves = await this.#ask(url);
    this.#asked.delete(id);
    // It may have become Ready, or gone, meanwhile.
    if (serves === undefined || this.#targets.get(id)?.url !== url) return;
    if (serves === this.#answering.has(id)) return;
    if (serves) this.#answering.add(id);
    else this.#answering.delete(id);
    this.#onChange(target);
  }
}
