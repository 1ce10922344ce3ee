import type { RevisionDemand } from '../../protocol/demand.ts';
import { revisionKey } from '../../protocol/demand.ts';
import { emptyTally, plus, since, type Tally } from './tally.ts';

/** How the revisions of a model have answered in one step of its canary. */
export interface StepTallies {
  canary: Tally;
  stable: Tally;
}

/** Adds up over all routers what each says; a router that begins anew, or is gone, takes nothing away. */
export interface Tallies {
  /** A router says this of revisions. */
  heard(router: string, revisions: Iterable<RevisionDemand>): void;
  /**
   * What has been answered in a step since it was asked for first.
   * @param step another one for each step of each canary
   */
  of(
    model: { namespace: string; name: string },
    step: string,
    revisions: { canary: string; stable: string },
  ): StepTallies;
  /** Forgets a model, by `namespace/name`. */
  forget(key: string): void;
}

export function createTallies(): Tallies {
  /** What each router said last, by router and revision. */
  const said = new Map<string, Tally>();
  /** What all of them have said, by revision. */
  const totals = new Map<string, Tally>();
  /** The totals when a model's step began. */
  const begins = new Map<string, { step: string } & StepTallies>();

  return {
    heard(router, revisions) {
      for (const revision of revisions) {
        const key = revisionKey(revision);
        const ofRouter = `${router} ${key}`;
        const news = since(revision, said.get(ofRouter));
        said.set(ofRouter, tallyOf(revision));
        totals.set(key, plus(totals.get(key) ?? emptyTally, news));
      }
    },
    of({ namespace, name }, step, revisions) {
      const totalOf = (revision: string) =>
        totals.get(revisionKey({ namespace, name, revision })) ?? emptyTally;
      const now = { canary: totalOf(revisions.canary), stable: totalOf(revisions.stable) };
      const key = `${namespace}/${name}`;
      let begin = begins.get(key);
      if (begin?.step !== step) {
        begin = { step, ...now };
        begins.set(key, begin);
      }
      return {
        canary: since(now.canary, begin.canary),
        stable: since(now.stable, begin.stable),
      };
    },
    forget(key) {
      if (!begins.delete(key)) return;
      for (const map of [said, totals])
        for (const of of map.keys()) if (of.includes(`${key}/`)) map.delete(of);
    },
  };
}

function tallyOf(revision: RevisionDemand): Tally {
  const tally = { ...emptyTally };
  for (const field of Object.keys(tally) as (keyof Tally)[]) tally[field] = revision[field];
  return tally;
}
