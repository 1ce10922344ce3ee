/** What came of an attempt, as far as it says something about the replica. */
export type Verdict =
  /** It answered, be it with the client's own mistake. */
  | 'ok'
  /** It answered 500: its fault or the request's. */
  | 'error'
  /** No connection, no answer, 502, 503, 504, or an answer broken off. */
  | 'failed';

/** One replica's recent past. Times are milliseconds of the caller's clock. */
export interface Health {
  /** `failed` ones since the last that was not. */
  readonly consecutive: number;
  /** Verdicts of about the last 30 s, and how many of them were not `ok`. */
  readonly results: number;
  readonly failures: number;
  /** When these two were last made smaller. */
  readonly windowMs: number;
  /** How often it was ejected without having been well for a minute since. */
  readonly ejections: number;
  /** It gets no requests until then; from then on one at a time, until one is answered. */
  readonly outUntilMs: number;
  /** Whether it must prove itself by one request before it gets more. */
  readonly onTrial: boolean;
}

/** Why a replica is ejected. */
export type EjectionReason = 'consecutive_failures' | 'failure_share' | 'trial_failed';

const consecutiveLimit = 3;
/** Fewer verdicts than this say nothing about a share. */
const fewestResults = 10;
/** How far a replica's failure share lies above that of its fellows when it is ejected for it. */
const shareAbove = 0.3;
const windowMs = 30_000;
const firstEjectionMs = 1_000;
const longestEjectionMs = 60_000;

export function newHealth(nowMs: number): Health {
  return {
    consecutive: 0,
    results: 0,
    failures: 0,
    windowMs: nowMs,
    ejections: 0,
    outUntilMs: 0,
    onTrial: false,
  };
}

/** Adds a verdict to a replica's past; a good one ends its trial. */
export function judged(health: Health, verdict: Verdict, nowMs: number): Health {
  const aged = age(health, nowMs);
  const bad = verdict !== 'ok';
  return {
    ...aged,
    consecutive: verdict === 'failed' ? aged.consecutive + 1 : 0,
    results: aged.results + 1,
    failures: aged.failures + Number(bad),
    onTrial: aged.onTrial && bad,
  };
}

/**
 * Whether a replica should be out, and why, from its own past and that of the model's other replicas.
 * @param health with the last verdict in it
 */
export function reasonToEject(
  health: Health,
  others: readonly Health[],
): EjectionReason | undefined {
  if (health.onTrial) return 'trial_failed';
  if (health.consecutive >= consecutiveLimit) return 'consecutive_failures';
  if (health.results < fewestResults) return undefined;
  const results = others.reduce((sum, other) => sum + other.results, 0);
  const failures = others.reduce((sum, other) => sum + other.failures, 0);
  const fleet = results === 0 ? 0 : failures / results;
  return health.failures / health.results >= fleet + shareAbove ? 'failure_share' : undefined;
}

/** Puts a replica out: 1 s at first, twice as long each time, at most a minute. */
export function ejected(health: Health, nowMs: number): Health {
  const well = health.ejections > 0 && nowMs - health.outUntilMs > longestEjectionMs;
  const ejections = well ? 1 : health.ejections + 1;
  const outMs = Math.min(firstEjectionMs * 2 ** (ejections - 1), longestEjectionMs);
  return { ...newHealth(nowMs), ejections, outUntilMs: nowMs + outMs, onTrial: true };
}

/** How many of a model's replicas may be out at once: half of them, never the last. */
export function mostOut(replicas: number): number {
  return Math.floor(replicas / 2);
}

/** Halves the past twice a window, so that it fades. */
function age(health: Health, nowMs: number): Health {
  const halvings = Math.floor((nowMs - health.windowMs) / (windowMs / 2));
  if (halvings <= 0) return health;
  const faded = 2 ** -halvings;
  return {
    ...health,
    results: health.results * faded,
    failures: health.failures * faded,
    windowMs: health.windowMs + halvings * (windowMs / 2),
  };
}
