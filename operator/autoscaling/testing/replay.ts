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
  /** How long a replica takes to serve; those of the beginning do. Default 0. */
  startMs?: number;
}

/** A decision that was made; `current` are the replicas before it. */
export interface Moment extends Decision {
  atMs: number;
  current: number;
}

/** Plays a load to the policy with a clock of its own; replicas are asked for at once. */
export function replay(
  load: readonly Step[],
  config: PolicyConfig,
  { replicas, untilMs, restartAtMs = Number.POSITIVE_INFINITY, startMs = 0 }: ReplayOptions,
): Moment[] {
  const moments: Moment[] = [];
  const pending = [...load];
  let memory: Memory | undefined;
  let current = replicas;
  /** When each replica serves, the first to come first. */
  const readyAtMs = Array.from({ length: replicas }, () => 0);
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
    const ready = readyAtMs.filter((atMs) => atMs <= nowMs).length;
    const seen = { ready, signal, isActive, isComplete: true, current, floor: 0, nowMs };
    memory ??= remember(seen, config);
    const decision = decide(memory, config, seen);
    moments.push({ ...decision, atMs: nowMs, current });
    current = decision.desired;
    readyAtMs.splice(current);
    while (readyAtMs.length < current) readyAtMs.push(nowMs + startMs);
    nowMs = Math.min(
      nowMs + (decision.lookAgainInMs ?? Number.POSITIVE_INFINITY),
      pending[0]?.atMs ?? Number.POSITIVE_INFINITY,
      readyAtMs.find((atMs) => atMs > nowMs) ?? Number.POSITIVE_INFINITY,
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
