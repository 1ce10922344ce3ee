import type { AdapterStatus } from '../../crds/modeldeployment/adapters.ts';
import type { Verdict } from '../modeldeployment/judge.ts';
import type { AdapterReport } from './protocol.ts';
import { adapterOf } from './wanted.ts';

/** A replica that adapters are brought to. */
export interface AdapterReplica {
  /** Of its pod. */
  name: string;
  /** What is said of them; undefined: nothing yet. */
  adapters: readonly AdapterReport[] | undefined;
}

/** What is known of the adapters. */
export interface AdaptersView {
  verdict: Verdict;
  /** How many replicas have which. */
  status: AdapterStatus[];
}

const mostMessages = 3;

/**
 * Judges whether each replica has each adapter.
 * @param names as in the spec
 * @param replicas that serve
 */
export function judgeAdapters(
  names: readonly string[],
  replicas: readonly AdapterReplica[],
): AdaptersView {
  const status: AdapterStatus[] = [];
  /** Replicas by what went wrong there. */
  const failures = new Map<string, string[]>();
  const waiting = new Set<string>();
  for (const name of names) {
    let loadedReplicas = 0;
    for (const replica of replicas) {
      const said = replica.adapters?.find((one) => adapterOf(one.name) === name);
      if (said?.state === 'loaded') loadedReplicas++;
      else waiting.add(replica.name);
      if (said?.state !== 'failed') continue;
      const words = `${name}: ${sentence(said.message)}`;
      failures.set(words, [...(failures.get(words) ?? []), replica.name].sort());
    }
    status.push({ name, loadedReplicas });
  }
  return { status, verdict: verdictOf({ names, replicas, failures, waiting }) };
}

function verdictOf(known: {
  names: readonly string[];
  replicas: readonly AdapterReplica[];
  failures: ReadonlyMap<string, readonly string[]>;
  /** Replicas that lack one. */
  waiting: ReadonlySet<string>;
}): Verdict {
  const { names, replicas, failures, waiting } = known;
  const told = [...failures].slice(0, mostMessages);
  if (told.length > 0) {
    const sentences = told.map(([words, at]) => `Adapter ${words} (replica ${at.join(', ')}).`);
    const message = `${sentences.join(' ')} It is tried again with growing pauses.`;
    return { status: 'False', reason: 'AdapterFailed', message };
  }
  const all = `${names.length} ${names.length === 1 ? 'adapter' : 'adapters'}`;
  if (replicas.length === 0) {
    const message = `${all} will be loaded when a replica serves.`;
    return { status: 'Unknown', reason: 'LoadingAdapters', message };
  }
  if (waiting.size > 0) {
    const some = [...waiting].sort().slice(0, 10).join(', ');
    const message = `Adapters are on their way to replica ${some}.`;
    return { status: 'Unknown', reason: 'LoadingAdapters', message };
  }
  const message = `Every replica has ${names.length === 1 ? 'its adapter' : `all ${all}`}: ${names.join(', ')}.`;
  return { status: 'True', reason: 'AdaptersLoaded', message };
}

function sentence(message: string | undefined): string {
  const words = (message ?? '').replace(/\s+/g, ' ').trim().replace(/\.$/, '');
  return words.length > 400 ? `${words.slice(0, 400)}…` : words;
}
