/** What claiming a name needs to know of a ModelDeployment or an ExternalModel. */
export interface NameClaimant {
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    creationTimestamp: string;
    deletionTimestamp?: string;
  };
  spec: {
    servedName?: string | undefined;
    aliases?: readonly string[] | undefined;
    adapters?: readonly { name: string }[] | undefined;
  };
  status?: { servedNames: readonly string[] } | undefined;
}

/** Another object was first. */
export interface NameConflict<T extends NameClaimant> {
  servedName: string;
  owner: T;
}

/** Who serves what, over all namespaces: clients name a model and nothing else. */
export interface NameClaims<T extends NameClaimant> {
  /** Served name to the one object that serves it. */
  owners: ReadonlyMap<string, T>;
  /** By uid: the objects that serve nothing because a name of theirs belongs to an older object. */
  conflicts: ReadonlyMap<string, NameConflict<T>>;
}

/** The name that it is listed under first, and that its engine knows it by. */
export function servedNameOf({ metadata, spec }: NameClaimant): string {
  return spec.servedName ?? metadata.name;
}

/** Every name that clients may send for this object, each once, the one it is listed under first. */
export function servedNamesOf(claimant: NameClaimant): string[] {
  const servedName = servedNameOf(claimant);
  const { aliases = [], adapters = [] } = claimant.spec;
  const ofAdapters = adapters.map(({ name }) => `${servedName}:${name}`);
  return [...new Set([servedName, ...aliases, ...ofAdapters])];
}

/** Whether two states of one object mean the same for {@link claimNames}; an absent one is none at all. */
export function claimsAlike(
  one: NameClaimant | undefined,
  other: NameClaimant | undefined,
): boolean {
  return one !== undefined && other !== undefined && claimOf(one) === claimOf(other);
}

function claimOf(claimant: NameClaimant): string {
  const { uid, creationTimestamp, deletionTimestamp } = claimant.metadata;
  const names = servedNamesOf(claimant);
  const served = claimant.status?.servedNames;
  return JSON.stringify([uid, creationTimestamp, deletionTimestamp === undefined, names, served]);
}

/** The field that makes an object claim a name. */
export function fieldOfName(claimant: NameClaimant, name: string): string {
  if (name === servedNameOf(claimant)) return 'spec.servedName';
  return claimant.spec.aliases?.includes(name) ? 'spec.aliases' : 'spec.adapters';
}

/**
 * Decides which object serves each name: the older one, by creationTimestamp. That has whole seconds; of two
 * objects of one second, the one whose status says that it serves its name keeps it, and the uid decides
 * the rest. An object with one name in conflict serves none of its names. Operator and router both decide by this, each from its
 * own watch, so they agree without talking.
 */
export function claimNames<T extends NameClaimant>(claimants: Iterable<T>): NameClaims<T> {
  const owners = new Map<string, T>();
  const conflicts = new Map<string, NameConflict<T>>();
  for (const claimant of [...claimants].sort(byAge)) {
    const names = servedNamesOf(claimant);
    const servedName = names.find((name) => owners.has(name));
    const owner = servedName === undefined ? undefined : owners.get(servedName);
    if (servedName !== undefined && owner !== undefined) {
      conflicts.set(claimant.metadata.uid, { servedName, owner });
    } else {
      for (const name of names) owners.set(name, claimant);
    }
  }
  return { owners, conflicts };
}

function byAge(a: NameClaimant, b: NameClaimant): number {
  const { metadata: one } = a;
  const { metadata: other } = b;
  // The API server writes all of them in UTC and in one form, so they sort as they are.
  if (one.creationTimestamp !== other.creationTimestamp)
    return one.creationTimestamp < other.creationTimestamp ? -1 : 1;
  return Number(servesItsName(b)) - Number(servesItsName(a)) || (one.uid < other.uid ? -1 : 1);
}

function servesItsName(claimant: NameClaimant): boolean {
  const now = claimant.status?.servedNames ?? [];
  return servedNamesOf(claimant).some((name) => now.includes(name));
}
