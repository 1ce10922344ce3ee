import type { ExternalModel } from '../../crds/externalmodel.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { claimNames, fieldOfName, type NameConflict, servedNamesOf } from '../../crds/names.ts';
import { keyOf } from '../../kube/object.ts';
import type { Store } from '../../kube/store.ts';

/** Whatever serves a model under names. */
export type Claimant = ModelDeployment | ExternalModel;

/** Index of a store of claimants: by each name they ask to serve, over all namespaces. */
export const byServedName = 'servedName';

/** All stores of claimants, each with the index {@link byServedName}. */
export type ClaimantStores = readonly Store<Claimant>[];

/**
 * A claimant itself, and every other whose names depend on whether it gets its own: those that want one
 * of its names, those that want one of theirs, and so on.
 */
export function rivalsOf(stores: ClaimantStores, claimant: Claimant): Claimant[] {
  const rivals = new Map([[claimant.metadata.uid, claimant]]);
  const names = new Set(servedNamesOf(claimant));
  // Both grow while they are walked.
  for (const name of names) {
    for (const rival of stores.flatMap((store) => store.byIndex(byServedName, name))) {
      if (rivals.has(rival.metadata.uid)) continue;
      rivals.set(rival.metadata.uid, rival);
      for (const other of servedNamesOf(rival)) names.add(other);
    }
  }
  return [...rivals.values()];
}

/** The keys of those in `store` whose names depend on whether a claimant gets its own. */
export function keysOfRivals(
  store: Store<Claimant>,
  stores: ClaimantStores,
  claimant: Claimant,
): string[] {
  return rivalsOf(stores, claimant)
    .filter(({ metadata }) => store.get(keyOf({ metadata }))?.metadata.uid === metadata.uid)
    .map(keyOf);
}

/** What keeps a claimant from its names; undefined: nothing. */
export function conflictOf(
  stores: ClaimantStores,
  claimant: Claimant,
): NameConflict<Claimant> | undefined {
  return claimNames(rivalsOf(stores, claimant)).conflicts.get(claimant.metadata.uid);
}

/** Which field claims the name, who has it, and what to do. */
export function conflictMessage(
  claimant: Claimant,
  { servedName, owner }: NameConflict<Claimant>,
): string {
  const field = fieldOfName(claimant, servedName);
  return `${field}: the name "${servedName}" is served by the older ${owner.kind} ${keyOf(owner)}; choose another, or delete that one`;
}
