import type { Model, Replica } from '../catalog/model.ts';
import {
  type EjectionReason,
  ejected,
  type Health,
  judged,
  mostOut,
  newHealth,
  reasonToEject,
  type Verdict,
} from './rule.ts';

/** Who wants to know of ejections. */
export type EjectionListener = (
  model: Model,
  replica: Replica,
  reason: EjectionReason,
  outMs: number,
) => void;

/** An attempt at a replica, until it ends. */
export interface WatchedAttempt {
  /** Says what came of it; may be said again when more is known, such as an answer that breaks off. */
  verdict(verdict: Verdict): void;
  /** It is over. A second call does nothing. */
  end(): void;
}

/**
 * Keeps replicas that fail out of the choice for a while. Fed by the attempts of this router alone: no
 * probes, no word from other routers.
 */
export class Ejections {
  readonly #nowMs: () => number;
  readonly #ejected: EjectionListener;
  readonly #health = new Map<string, Health>();
  /** Replicas whose one request on trial is open. */
  readonly #trials = new Set<string>();
  /** How many replicas are out or on trial. */
  #unwell = 0;

  constructor(nowMs: () => number, listener: EjectionListener) {
    this.#nowMs = nowMs;
    this.#ejected = listener;
  }

  /** Leaves out the replicas that are ejected, or on trial with a request: at most half of these. */
  admit(replicas: readonly Replica[]): readonly Replica[] {
    if (this.#unwell === 0) return replicas;
    const nowMs = this.#nowMs();
    const barred = replicas.filter(({ id }) => this.#isBarred(id, nowMs));
    const latest = (a: Replica, b: Replica) => this.#outUntilMs(b) - this.#outUntilMs(a);
    const out = barred.sort(latest).slice(0, mostOut(replicas.length));
    return out.length === 0 ? replicas : replicas.filter((replica) => !out.includes(replica));
  }

  /** An attempt at a replica of `model` begins. */
  begin(model: Model, replica: Replica): WatchedAttempt {
    const { id } = replica;
    const onTrial = this.#health.get(id)?.onTrial ?? false;
    if (onTrial) this.#trials.add(id);
    return {
      verdict: (verdict) => {
        this.#judge(model, replica, verdict);
        if (onTrial) this.#trials.delete(id);
      },
      end: () => {
        if (onTrial) this.#trials.delete(id);
      },
    };
  }

  /** Forgets replicas that are not among these. */
  retain(replicas: Iterable<Replica>): void {
    const present = new Set<string>();
    for (const { id } of replicas) present.add(id);
    for (const id of this.#health.keys()) {
      if (present.has(id)) continue;
      this.#health.delete(id);
      this.#trials.delete(id);
    }
    this.#count();
  }

  #judge(model: Model, replica: Replica, verdict: Verdict): void {
    const nowMs = this.#nowMs();
    // A pod that has gone meanwhile leaves nothing behind.
    if (!model.replicas.some(({ id }) => id === replica.id)) return;
    const before = this.#health.get(replica.id) ?? newHealth(nowMs);
    const health = judged(before, verdict, nowMs);
    this.#health.set(replica.id, health);
    if (verdict !== 'ok') this.#ejectIfDue(model, replica, health, nowMs);
    if (before.onTrial !== this.#health.get(replica.id)?.onTrial) this.#count();
  }

  #ejectIfDue(model: Model, replica: Replica, health: Health, nowMs: number): void {
    // What was sent before an ejection and fails after it is the same failure.
    if (nowMs < health.outUntilMs) return;
    const others = model.replicas
      .filter(({ id }) => id !== replica.id)
      .flatMap(({ id }) => this.#health.get(id) ?? []);
    const reason = reasonToEject(health, others);
    if (!reason) return;
    const out = others.filter(({ onTrial }) => onTrial).length;
    if (out >= mostOut(model.replicas.length)) return;
    const next = ejected(health, nowMs);
    this.#health.set(replica.id, next);
    this.#ejected(model, replica, reason, next.outUntilMs - nowMs);
  }

  #isBarred(id: string, nowMs: number): boolean {
    const health = this.#health.get(id);
    return health?.onTrial === true && (nowMs < health.outUntilMs || this.#trials.has(id));
  }

  #outUntilMs({ id }: Replica): number {
    return this.#health.get(id)?.outUntilMs ?? 0;
  }

  #count(): void {
    this.#unwell = 0;
    for (const { onTrial } of this.#health.values()) if (onTrial) this.#unwell++;
  }
}
