import { Cron } from 'croner';
import { durationMs } from '../../crds/duration.ts';
import type { ScheduleSpec } from '../../crds/modeldeployment/schedule.ts';

/** What the schedules say at one moment. */
export interface ScheduledFloor {
  /** The highest floor of those that are on; 0 when none is. */
  replicas: number;
  /** When the next one begins or ends; undefined: never. */
  changesInMs: number | undefined;
}

/** A schedule that says nothing that can be followed. */
export interface ScheduleProblem {
  /** Such as `spec.autoscaling.schedules[0].start`. */
  field: string;
  /** What is wrong, in words. */
  problem: string;
}

/** Schedules that were read once, to be asked often. */
export interface Schedules {
  /** @param nowMs milliseconds since 1970 */
  floorAt(nowMs: number): ScheduledFloor;
  /** Those that are left out, and why. */
  readonly problems: readonly ScheduleProblem[];
}

interface Window {
  cron: Cron;
  durationMs: number;
  minReplicas: number;
}

/** Reads the schedules. One that makes no sense is left out and told of. */
export function schedulesOf(specs: readonly ScheduleSpec[]): Schedules {
  const windows: Window[] = [];
  const problems: ScheduleProblem[] = [];
  for (const [index, { start, timeZone, duration, minReplicas }] of specs.entries()) {
    const at = `spec.autoscaling.schedules[${index}]`;
    if (!isTimeZone(timeZone)) {
      problems.push({ field: `${at}.timeZone`, problem: `${timeZone} is not known here` });
      continue;
    }
    try {
      const cron = new Cron(start, { timezone: timeZone, paused: true });
      windows.push({ cron, durationMs: durationMs(duration), minReplicas });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      problems.push({ field: `${at}.start`, problem });
    }
  }
  let known = { fromMs: 0, replicas: 0, untilMs: 0 };
  return {
    problems,
    floorAt(nowMs) {
      // Reckoning is dear: a day that never comes is looked for through many years.
      if (nowMs < known.fromMs || nowMs >= known.untilMs) known = reckon(windows, nowMs);
      const { replicas, untilMs } = known;
      return { replicas, changesInMs: Number.isFinite(untilMs) ? untilMs - nowMs : undefined };
    },
  };
}

/** The highest floor at this time, and until when that holds. */
function reckon(windows: readonly Window[], nowMs: number) {
  const states = windows.map((window) => stateOf(window, nowMs));
  return {
    fromMs: nowMs,
    replicas: Math.max(0, ...states.map(({ replicas }) => replicas)),
    untilMs: Math.min(...states.map(({ untilMs }) => untilMs)),
  };
}

function stateOf({ cron, durationMs: lengthMs, minReplicas }: Window, nowMs: number) {
  // Runs fall on whole seconds, and the one that is asked from is not among those before it.
  const wholeSecond = Math.floor(nowMs / 1000) * 1000;
  const [begun] = cron.previousRuns(1, new Date(wholeSecond + 1000));
  const isOn = begun !== undefined && nowMs < begun.getTime() + lengthMs;
  if (isOn) return { replicas: minReplicas, untilMs: begun.getTime() + lengthMs };
  const next = cron.nextRun(new Date(wholeSecond))?.getTime();
  return { replicas: 0, untilMs: next ?? Number.POSITIVE_INFINITY };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
