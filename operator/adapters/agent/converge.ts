import type { AdapterReport, WantedAdapter } from '../protocol.ts';

/** An adapter that the engine serves. */
export interface Served {
  name: string;
  path: string;
}

/** Something that was tried and went wrong. */
export interface Failure {
  message: string;
  /** How often in a row. */
  times: number;
  /** When to try again, in milliseconds of the caller's clock. */
  againAtMs: number;
}

/** What there is. */
export interface State {
  /** With the folder each one is in, or will be. */
  wanted: readonly (WantedAdapter & { path: string })[];
  /** What the engine serves; undefined while it does not answer. */
  served: readonly Served[] | undefined;
  /** Folders that are there. */
  folders: ReadonlySet<string>;
  /** Folders that are being loaded into. */
  loading: ReadonlySet<string>;
  /** By folder. */
  failures: ReadonlyMap<string, Failure>;
  nowMs: number;
}

/** What to do, and how far each wanted one is. */
export interface Step {
  /** To bring from their sources. */
  fetches: (WantedAdapter & { path: string })[];
  /** To tell the engine of; one of that name that it serves is replaced. */
  loads: Served[];
  /** Names to take from the engine. */
  unloads: string[];
  reports: AdapterReport[];
}

const firstPauseMs = 5_000;
const lastPauseMs = 300_000;

/** A failure after the one before it, if there was one. */
export function failed(before: Failure | undefined, message: string, nowMs: number): Failure {
  const times = (before?.times ?? 0) + 1;
  const pauseMs = Math.min(lastPauseMs, firstPauseMs * 2 ** (times - 1));
  return { message, times, againAtMs: nowMs + pauseMs };
}

/**
 * What brings the engine from what it serves to what is wanted. Pure; on its own result it does nothing. An
 * engine that was restarted serves nothing, and gets all of it again.
 */
export function converge({ wanted, served, folders, loading, failures, nowMs }: State): Step {
  const step: Step = { fetches: [], loads: [], unloads: [], reports: [] };
  for (const adapter of wanted) {
    const { name, path } = adapter;
    const failure = failures.get(path);
    if (served?.some((one) => one.name === name && one.path === path)) {
      step.reports.push({ name, state: 'loaded' });
      continue;
    }
    step.reports.push(
      failure ? { name, state: 'failed', message: failure.message } : { name, state: 'loading' },
    );
    if (loading.has(path) || (failure && failure.againAtMs > nowMs)) continue;
    if (!folders.has(path)) step.fetches.push(adapter);
    else if (served) step.loads.push({ name, path });
  }
  const names = new Set(wanted.map(({ name }) => name));
  for (const { name } of served ?? []) if (!names.has(name)) step.unloads.push(name);
  return step;
}
