import { LoadHistory } from './load-history.ts';
import { Peaks } from './peaks.ts';
import { Pile } from './pile.ts';

/** How the replicas of one model follow its load. */
export interface PolicyConfig {
  minReplicas: number;
  maxReplicas: number;
  /** Requests that one replica is to carry. */
  inFlightPerReplica: number;
  scaleUpWindowMs: number;
  scaleDownWindowMs: number;
  idleTimeoutMs: number;
}

/** What is known at one moment. */
export interface Seen {
  /** Requests in flight and held, over all routers. */
  signal: number;
  /** Whether a request came or went since the last look. */
  isActive: boolean;
  /** Whether every router that serves was heard; where not, `signal` is the least that it can be. */
  isComplete: boolean;
  /** Replicas that are asked for now. */
  current: number;
  /** Of these, how many serve. */
  ready: number;
  /** The fewest that a schedule allows now; 0 without one. */
  floor: number;
  /** Monotonic. */
  nowMs: number;
}

/** What made a decision. */
export type DecisionReason = 'load' | 'burst' | 'first_request' | 'idle' | 'floor' | 'ceiling';

export interface Decision {
  /** Replicas that there should be. */
  desired: number;
  /** Replicas that the load asked for at most within the scale-down window, whatever the bounds. */
  needed: number;
  reason: DecisionReason;
  /** After this time it may be another one though nothing new is seen; undefined: never. */
  lookAgainInMs: number | undefined;
}

/** Twice the replicas or more are needed: Knative's panic-threshold-percentage of 200. */
const burstFactor = 2;
/** The part of the scale-up window for which a burst must last. */
const burstShare = 1 / 30;
/** How finely the scale-up window is remembered. */
const grainShare = 1 / 300;
/** While the load changes, how often it is looked at. */
const lookShare = 1 / 30;

/** What the policy remembers of one model. Begins empty; a restart needs nothing but time to fill it again. */
export interface Memory {
  readonly history: LoadHistory;
  /** Replicas that the load asked for at most. */
  readonly peaks: Peaks;
  /** The same of what piled up while replicas started. */
  readonly pile: Pile;
  /** When there was a request last, as far as anyone knows. */
  activeAtMs: number;
  burstUntilMs: number;
  /** The replicas at the last look: as they were, and as they should have been. */
  last: { current: number; desired: number };
}

/** Before the first look the load is taken to be what the present replicas are for. */
export function remember({ signal, current, nowMs }: Seen, config: PolicyConfig): Memory {
  const peaks = new Peaks();
  peaks.add(current, nowMs);
  return {
    history: new LoadHistory(signal, current * config.inFlightPerReplica, nowMs),
    peaks,
    pile: new Pile(),
    activeAtMs: nowMs,
    burstUntilMs: Number.NEGATIVE_INFINITY,
    last: { current, desired: current },
  };
}

/**
 * How many replicas there should be. The rule is that of Knative's pod autoscaler (a stable and a panic
 * window, and a time for which a fall must last) with these differences: a burst is what lasts for the whole
 * of its window, so that a spike is none; and what is not known counts as what is there.
 * - Up: for the mean of the load over the scale-up window; at once for a burst, and from zero for one request.
 * - Down: when the load has asked for fewer all through the scale-down window, to the most that it asked for.
 *   What piled up while replicas started says how long they took, not how many are needed, and is forgotten
 *   soon after they all serve (pile.ts).
 * - To zero: when there was no request for the idle timeout; never below the floor.
 *
 * @param memory of this model; brought up to date
 */
export function decide(memory: Memory, config: PolicyConfig, seen: Seen): Decision {
  const { scaleUpWindowMs, scaleDownWindowMs, idleTimeoutMs, inFlightPerReplica } = config;
  const { signal, current, nowMs } = seen;
  observe(memory, config, seen);
  const { history, peaks, pile, activeAtMs } = memory;
  const floor = Math.min(config.maxReplicas, Math.max(config.minReplicas, seen.floor));

  const lasting = replicasFor(history.mean(scaleUpWindowMs, nowMs), inFlightPerReplica);
  const burst = replicasFor(history.least(scaleUpWindowMs * burstShare, nowMs), inFlightPerReplica);
  if (burst > 0 && burst >= burstFactor * current) memory.burstUntilMs = nowMs + scaleUpWindowMs;
  const isBurst = nowMs < memory.burstUntilMs && burst > lasting;
  const needed = Math.max(isBurst ? burst : lasting, signal > 0 ? 1 : 0);

  // A fall must last: so must one below what a burst asked for, or is not known to be over.
  const asked = Math.max(lasting, burst, seen.isComplete ? 0 : current);
  const isPile = pile.isOpen(nowMs);
  peaks.add(isPile ? Math.min(asked, peaks.present) : asked, nowMs);
  pile.add(isPile ? asked : 0, nowMs);
  const highest = Math.max(peaks.highest(scaleDownWindowMs, nowMs), pile.highest(config, nowMs));
  const isIdle = floor === 0 && signal === 0 && nowMs - activeAtMs >= idleTimeoutMs;
  const lastOne = current > 0 ? 1 : 0;
  const wanted = isIdle
    ? 0
    : Math.max(needed > current ? needed : Math.min(current, highest), lastOne);

  const desired = Math.min(config.maxReplicas, Math.max(floor, wanted));
  memory.last = { current, desired };
  return {
    desired,
    needed: highest,
    reason: reasonOf({ desired, wanted, floor, current, isIdle, isBurst }),
    lookAgainInMs: lookAgain(memory, config, seen, floor),
  };
}

function observe(memory: Memory, config: PolicyConfig, seen: Seen): void {
  const { scaleUpWindowMs, inFlightPerReplica } = config;
  const { signal, isActive, isComplete, current, ready, nowMs } = seen;
  const { history, peaks, pile, last } = memory;
  history.observe(signal, nowMs, {
    keptMs: scaleUpWindowMs,
    grainMs: scaleUpWindowMs * grainShare,
  });
  if (signal > 0 || isActive || !isComplete) memory.activeAtMs = nowMs;
  const isTooMuch = signal > 0 && signal >= burstFactor * ready * inFlightPerReplica;
  pile.observe({ isStarting: ready < current, isTooMuch }, config, nowMs);
  // Somebody else asked for more: they stay as long as if the load had.
  if (current > Math.max(last.current, last.desired)) peaks.add(current, nowMs);
}

interface Change {
  desired: number;
  wanted: number;
  floor: number;
  current: number;
  isIdle: boolean;
  isBurst: boolean;
}

function reasonOf({ desired, wanted, floor, current, isIdle, isBurst }: Change): DecisionReason {
  if (desired < wanted) return 'ceiling';
  if (desired > wanted && desired === floor) return 'floor';
  if (desired < current) return isIdle ? 'idle' : 'load';
  if (current === 0) return desired === 0 ? 'floor' : 'first_request';
  return isBurst ? 'burst' : 'load';
}

/** When the clock alone may change the decision; after that much it is looked at again. */
function lookAgain(
  { history, peaks, pile, activeAtMs, last }: Memory,
  config: PolicyConfig,
  { signal, nowMs }: Seen,
  floor: number,
): number | undefined {
  const { scaleUpWindowMs, scaleDownWindowMs, idleTimeoutMs, inFlightPerReplica } = config;
  const times: number[] = [];
  if (!history.isSettled(scaleUpWindowMs, nowMs)) times.push(scaleUpWindowMs * lookShare);
  if (replicasFor(signal, inFlightPerReplica) > last.desired) {
    const leftMs = scaleUpWindowMs * burstShare - history.sustainedMs(nowMs);
    if (leftMs > 0) times.push(leftMs);
  }
  const passes = [peaks.passesAtMs(scaleDownWindowMs), ...pile.changesAtMs(config, nowMs)];
  for (const atMs of passes)
    if (atMs !== undefined && last.desired > floor) times.push(atMs - nowMs);
  if (floor === 0 && signal === 0 && last.desired > 0)
    times.push(activeAtMs + idleTimeoutMs - nowMs);
  return times.length === 0 ? undefined : Math.max(1, Math.ceil(Math.min(...times)));
}

/** As many as carry this load; what arithmetic on fractions leaves over is none. */
function replicasFor(signal: number, inFlightPerReplica: number): number {
  return Math.ceil(signal / inFlightPerReplica - 1e-6);
}
