import { type Decision, decide, type Memory, type PolicyConfig, remember } from '../policy.ts';

/** The signal from a time on. */
export interface Step {
  atMs: number;
  signal: number;
}

export interface ReplayOptions {
  /** Replicas at the beginning. */
  replicas: number;
  untilMs: number;
  /** When the operator forgets everything. */
  restartAtMs?: number;
}

/** A decision that was made; `current` are the replicas before it. */
export interface Moment extends Decision {
  atMs: number;
  current: number;
}

/** Plays a load to the policy with a clock of its own; each decision is carried out at once. */
export function replay(
  load: readonly Step[],
  config: PolicyConfig,
  { replicas, untilMs, restartAtMs = Number.POSITIVE_INFINITY }: ReplayOptions,
): Moment[] {
  const moments: Moment[] = [];
  const pending = [...load];
  let memory: Memory | undefined;
  let current = replicas;
  let signal = 0;
  let nowMs = 0;
  let isRestarted = false;
  while (nowMs <= untilMs) {
    let isActive = false;
    for (let step = pending[0]; step && step.atMs <= nowMs; step = pending[0]) {
      signal = step.signal;
      isActive = true;
      pending.shift();
    }
    if (!isRestarted && nowMs >= restartAtMs) {
      memory = undefined;
      isRestarted = true;
    }
    const seen = { signal, isActive, isComplete: true, current, floor: 0, nowMs };
    memory ??= remember(seen, config);
    const decision = decide(memory, config, seen);
    moments.push({ ...decision, atMs: nowMs, current });
    current = decision.desired;
    nowMs = Math.min(
      nowMs + (decision.lookAgainInMs ?? Number.POSITIVE_INFINITY),
      pending[0]?.atMs ?? Number.POSITIVE_INFINITY,
      isRestarted ? Number.POSITIVE_INFINITY : restartAtMs,
    );
  }
  return moments;
}

/** The changes alone, as `[seconds, replicas]`. */
export function changesOf(moments: readonly Moment[]): [number, number][] {
  return moments
    .filter(({ current, desired }) => current !== desired)
    .map(({ atMs, desired }) => [Math.round(atMs / 100) / 10, desired]);
}
