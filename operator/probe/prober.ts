import { Agent } from 'undici';
import {
  type Capabilities,
  type Capability,
  capabilities,
  type Findings,
} from '../../crds/modeldeployment/capabilities.ts';
import type { Feature } from '../../crds/modeldeployment/features.ts';
import { engineAt } from './ask.ts';
import { TrialFailed, tryAll } from './trials.ts';

/** A revision that may have to be tried. */
export interface Subject {
  /** Of the ModelDeployment. */
  key: string;
  uid: string;
  revision: string;
  /** What its status says already. */
  known: Capabilities | undefined;
  /** The name that the engine answers to. */
  model: string;
  features: readonly Feature[];
  /** Where an engine says that it is well. */
  healthPath: string;
  /** Where replicas of the revision that serve answer, the least busy first. */
  origins: readonly string[];
}

export interface ProberOptions {
  /** Told of the ModelDeployment when there is news of it, or it is time to look again. */
  onNews: (key: string) => void;
  log: { info(fields: object, message: string): void };
  /** Monotonic milliseconds. */
  nowMs: () => number;
  /** How long a revision serves before it is tried. */
  settleMs: number;
}

/** Tries what models can do, each revision once. */
export interface Prober {
  /**
   * What is known. Where nothing is known of the revision and it serves, a probe begins, and `onNews` tells
   * when it is over; until then what is known of another revision stays.
   */
  look(subject: Subject): Capabilities | undefined;
  /** Forgets a ModelDeployment that is gone. */
  forget(key: string): void;
  stop(): Promise<void>;
}

/** What this process knows of one ModelDeployment. */
interface Course {
  uid: string;
  revision: string;
  found: Capabilities | undefined;
  /** What is known so far. */
  findings: Findings;
  /** What a replica was asked when it went away; the second time it is what broke it. */
  suspects: Set<Capability>;
  isRunning: boolean;
  /** Probes of this revision that came to nothing. */
  failures: number;
  /** Undefined: it does not serve yet. */
  notBeforeMs: number | undefined;
}

const atOnce = 8;
const firstPauseMs = 10_000;
/** Then it is left alone until the next revision: an engine that does not answer at all has other troubles. */
const mostFailures = 6;

/** Makes a prober, which asks engines directly: no router takes part, and no client's request waits for it. */
export function createProber({ onNews, log, nowMs, settleMs }: ProberOptions): Prober {
  const courses = new Map<string, Course>();
  const waiting = new Set<string>();
  const stopping = new AbortController();
  const { signal } = stopping;
  const dispatcher = new Agent({ pipelining: 1, connect: { timeout: 5_000 } });
  const timers = new Set<NodeJS.Timeout>();
  let running = 0;

  function courseOf({ key, uid, revision, known }: Subject): Course {
    const before = courses.get(key);
    if (before?.uid === uid && before.revision === revision) return before;
    const found = known?.revision === revision ? known : undefined;
    const course: Course = {
      ...{ uid, revision, found, findings: {}, suspects: new Set() },
      ...{ isRunning: false, failures: 0, notBeforeMs: undefined },
    };
    courses.set(key, course);
    return course;
  }

  function isDue(course: Course, key: string): boolean {
    const { found, isRunning, failures } = course;
    if (found || isRunning || failures >= mostFailures) return false;
    if (course.notBeforeMs === undefined) {
      course.notBeforeMs = nowMs() + settleMs;
      if (settleMs > 0) later(course, key, settleMs);
    }
    return nowMs() >= course.notBeforeMs;
  }

  async function run(course: Course, subject: Subject, origin: string): Promise<void> {
    const { key, revision, model, features, healthPath } = subject;
    const wanted = (Object.keys(capabilities) as Capability[]).filter((capability) =>
      features.includes(capabilities[capability].feature),
    );
    try {
      const engine = engineAt(origin, healthPath, { dispatcher, signal });
      await tryAll(wanted, course.findings, model, engine);
      course.found = { revision, ...course.findings };
    } catch (error) {
      if (signal.aborted) return;
      const broke = error instanceof TrialFailed ? error.broke : undefined;
      if (broke && course.suspects.has(broke)) course.findings[broke] = false;
      if (broke) course.suspects.add(broke);
      const pauseMs = firstPauseMs * 2 ** course.failures++;
      course.notBeforeMs = nowMs() + pauseMs;
      log.info({ key, revision, error: String(error) }, 'what the model can is not known yet');
      if (course.failures < mostFailures) later(course, key, pauseMs);
      return;
    }
    log.info({ key, ...course.found }, 'the model was tried');
    onNews(key);
  }

  function later(course: Course, key: string, pauseMs: number): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      // Timers may come a moment before their time, and nobody else would look again.
      course.notBeforeMs = Number.NEGATIVE_INFINITY;
      onNews(key);
    }, pauseMs);
    timers.add(timer);
  }

  return {
    look(subject) {
      const course = courseOf(subject);
      const [origin] = subject.origins;
      if (origin !== undefined && isDue(course, subject.key)) {
        if (running >= atOnce) waiting.add(subject.key);
        else {
          running++;
          course.isRunning = true;
          void run(course, subject, origin).finally(() => {
            running--;
            course.isRunning = false;
            const [next] = waiting;
            if (next === undefined) return;
            waiting.delete(next);
            onNews(next);
          });
        }
      }
      return course.found ?? subject.known;
    },
    forget(key) {
      courses.delete(key);
      waiting.delete(key);
    },
    async stop() {
      stopping.abort(new Error('stopping'));
      for (const timer of timers) clearTimeout(timer);
      await dispatcher.destroy();
    },
  };
}
