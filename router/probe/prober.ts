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
  /** Told when another set of pods answers than before. */
  onChange: () => void;
  /** Whether the engine at this URL serves; undefined: not known. */
  ask?: (url: string) => Promise<boolean | undefined>;
}

/**
 * Asks the engines of starting pods whether they serve, so that the first request does not wait for the
 * kubelet's next probe and the way of its word through the API server. What the kubelet says of a pod that
 * has been Ready once is never overridden.
 */
export class Prober {
  readonly #onChange: () => void;
  readonly #ask: (url: string) => Promise<boolean | undefined>;
  /** Pods that were Ready at some time, of those that are there. */
  #wereReady: ReadonlySet<string> = new Set();
  /** By uid, in the order in which they are asked. */
  #targets = new Map<string, ProbeTarget>();
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

  /** Takes all pods as they are now. */
  follow(pods: readonly Pod[]): void {
    if (this.#isStopped) return;
    const ids = pods.map(({ metadata }) => metadata.uid);
    const ready = pods.filter(isReady).map(({ metadata }) => metadata.uid);
    this.#wereReady = new Set([...ready, ...ids.filter((id) => this.#wereReady.has(id))]);
    const targets = new Map<string, ProbeTarget>();
    for (const pod of pods) {
      const target = this.#wereReady.has(pod.metadata.uid) ? undefined : probeTarget(pod);
      if (target) targets.set(target.id, target);
    }
    // Those that were there keep their turn.
    const known = [...this.#targets.keys()].flatMap((id) => targets.get(id) ?? []);
    this.#targets = new Map([...known, ...targets.values()].map((target) => [target.id, target]));
    for (const id of this.#answering) if (!targets.has(id)) this.#answering.delete(id);
    if (targets.size === 0) {
      clearInterval(this.#rounds);
      this.#rounds = undefined;
    } else if (!this.#rounds) {
      this.#rounds = setInterval(() => this.#round(), roundMs);
      this.#round();
    }
  }

  /** Asks nobody any more, whoever comes. */
  stop(): void {
    this.follow([]);
    this.#isStopped = true;
  }

  #round(): void {
    const turn = [...this.#targets.values()].filter(({ id }) => !this.#asked.has(id));
    for (const target of turn.slice(0, Math.min(mostPerRound, mostOpen - this.#asked.size))) {
      this.#targets.delete(target.id);
      this.#targets.set(target.id, target);
      void this.#probe(target);
    }
  }

  async #probe({ id, url }: ProbeTarget): Promise<void> {
    this.#asked.add(id);
    const serves = await this.#ask(url);
    this.#asked.delete(id);
    // It may have become Ready, or gone, meanwhile.
    if (serves === undefined || this.#targets.get(id)?.url !== url) return;
    if (serves === this.#answering.has(id)) return;
    if (serves) this.#answering.add(id);
    else this.#answering.delete(id);
    this.#onChange();
  }
}
