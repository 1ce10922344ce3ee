import { z } from 'zod';

/**
 * The demand stream: what a router has in flight and what waits in it, told to whoever asks at
 * {@link demandPath} on its internal port: to the operator, and to the other routers. Lines of JSON over
 * HTTP: first the full state, then what has changed, and at least every {@link heartbeatMs} a line, if an
 * empty one.
 *
 * Version 1 only ever grows by fields that may be absent: a reader drops what it does not know, and takes
 * nothing for what an older writer does not say. Anything else gets another path.
 */
export const demandPath = '/demand/v1';

/** Asks to be told, too, which blocks of prompts pods are thought to have cached: for other routers. */
export const demandPathWithBlocks = `${demandPath}?blocks`;

/** How long after a change it is told, at most, while the reader keeps up; milliseconds. */
export const changeDelayMs = 100;
/** The longest time between two lines, in milliseconds. */
export const heartbeatMs = 1_000;
/** A router that has said nothing for so long is taken for dead or hung; milliseconds. */
export const leaseMs = 5_000;

const count = z.int().min(0);
/** A count that the first writers did not tell. */
const laterCount = count.default(0);

/** One model, by its ModelDeployment. */
const modelDemand = z.object({
  namespace: z.string(),
  name: z.string(),
  /** Requests open at its replicas. */
  inFlight: count,
  /** Requests that wait for a replica. */
  held: laterCount,
  /** Prompt tokens sent to its replicas and not known to be computed. */
  pendingTokens: laterCount,
  /** Requests that ever came for it; begins anew with the router's process, else never falls. */
  arrivals: laterCount,
});

/** One pod, by its uid. */
const podDemand = z.object({
  uid: z.string(),
  /** Requests open there. */
  inFlight: count,
  /** The router sends it nothing new any more, and knows why. */
  draining: z.boolean(),
  /** Prompt tokens sent there and not known to be computed. */
  pendingTokens: laterCount,
});

/** What one tenant uses through the router, for limits that hold over all routers. */
const tenantDemand = z.object({
  name: z.string(),
  /** Requests that are held or open. */
  inFlight: count,
  /** Requests of the last minute. */
  requests: count,
  /** Tokens of the last minute. */
  tokens: count,
});

/**
 * How one revision of a model has answered through the router since its model has a canary; each number only
 * grows, and begins anew with the router's process.
 */
const revisionDemand = z.object({
  namespace: z.string(),
  name: z.string(),
  revision: z.string(),
  /** Requests sent to its replicas and answered, or failed there, whatever became of them elsewhere. */
  requests: count,
  failures: count,
  /** Times to the first token: how many, their sum in milliseconds, the sum of their squares. */
  ttfts: count,
  ttftMs: z.number().min(0),
  ttftMs2: z.number().min(0),
  /** The same of the times per output token. */
  tpots: count,
  tpotMs: z.number().min(0),
  tpotMs2: z.number().min(0),
});

/** Blocks of prompts that a pod will have in its prefix cache, and such as it has dropped. */
const podBlocks = z.object({
  uid: z.string(),
  /** Hashes and sizes, those used the longest time ago first; base64 as router/balance/block-list.ts has it. */
  list: z.string(),
  /** The same of blocks that it told to be gone, whatever their sizes. */
  gone: z.string().optional(),
});

const demandMessage = z.object({
  /** Whether it replaces all that was told before. */
  full: z.boolean(),
  /** Which router says it: made anew by each process. Told in a full message. */
  router: z.string().optional(),
  /** One that is not listed in a full message has nothing; so says one with 0 everywhere later. */
  models: z.array(modelDemand),
  /** One that is not listed in a full message has nothing in flight and is not draining. */
  pods: z.array(podDemand),
  /** One that is not listed in a full message uses nothing. */
  tenants: z.array(tenantDemand).default([]),
  /** One that is not listed in a full message has answered nothing. */
  revisions: z.array(revisionDemand).default([]),
  /** News, and no state: only told to who asked for it, from the full state on. */
  blocks: z.array(podBlocks).optional(),
});

export type ModelDemand = z.output<typeof modelDemand>;
export type PodDemand = z.output<typeof podDemand>;
export type PodBlocks = z.output<typeof podBlocks>;
export type RevisionDemand = z.output<typeof revisionDemand>;
export type TenantDemand = z.output<typeof tenantDemand>;
/** A message as it is read. */
export type DemandMessage = z.output<typeof demandMessage>;

/** A message as its line; fields that may be absent may be left out. */
export function encodeDemand(message: z.input<typeof demandMessage>): string {
  return `${JSON.stringify(message)}\n`;
}

/** What a router said last, of each model, pod and tenant that it said anything but nothing of. */
export interface DemandState {
  /** By `namespace/name`. */
  readonly models: ReadonlyMap<string, ModelDemand>;
  /** By uid. */
  readonly pods: ReadonlyMap<string, PodDemand>;
  /** By name. */
  readonly tenants: ReadonlyMap<string, TenantDemand>;
  /** By `namespace/name/revision`. */
  readonly revisions: ReadonlyMap<string, RevisionDemand>;
}

/** One list of a message: how its entries are told apart, and what says that there is nothing of one. */
interface Section<T extends object> {
  keyOf(entry: T): string;
  nothing(entry: T): T;
}

const sections: {
  models: Section<ModelDemand>;
  pods: Section<PodDemand>;
  tenants: Section<TenantDemand>;
  revisions: Section<RevisionDemand>;
} = {
  models: {
    keyOf: modelKey,
    nothing: (model) => ({ ...model, inFlight: 0, held: 0, pendingTokens: 0, arrivals: 0 }),
  },
  pods: {
    keyOf: ({ uid }) => uid,
    nothing: (pod) => ({ ...pod, inFlight: 0, draining: false, pendingTokens: 0 }),
  },
  tenants: {
    keyOf: ({ name }) => name,
    nothing: (tenant) => ({ ...tenant, inFlight: 0, requests: 0, tokens: 0 }),
  },
  revisions: {
    keyOf: revisionKey,
    nothing: (revision) => ({ ...revision, ...noAnswers }),
  },
};

/** Follows one stream: takes its bytes and keeps its state. */
export class DemandReader implements DemandState {
  readonly models = new Map<string, ModelDemand>();
  readonly pods = new Map<string, PodDemand>();
  readonly tenants = new Map<string, TenantDemand>();
  readonly revisions = new Map<string, RevisionDemand>();
  /** Which router it is; undefined before its first message, or of one that does not say. */
  router: string | undefined;
  readonly #decoder = new TextDecoder();
  #rest = '';

  /**
   * Takes the next bytes.
   * @returns the messages that they complete, already part of the state
   * @throws Error when a line is no message
   */
  push(chunk: Uint8Array): DemandMessage[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    const messages = lines.map((line) => demandMessage.parse(JSON.parse(line)));
    for (const message of messages) this.#take(message);
    return messages;
  }

  #take({ full, router, models, pods, tenants, revisions }: DemandMessage): void {
    this.router = router ?? this.router;
    take(sections.models, this.models, models, full);
    take(sections.pods, this.pods, pods, full);
    take(sections.tenants, this.tenants, tenants, full);
    take(sections.revisions, this.revisions, revisions, full);
  }
}

function take<T extends object>(
  { keyOf, nothing }: Section<T>,
  known: Map<string, T>,
  told: readonly T[],
  full: boolean,
): void {
  if (full) known.clear();
  for (const entry of told) {
    if (isSame(entry, nothing(entry))) known.delete(keyOf(entry));
    else known.set(keyOf(entry), entry);
  }
}

/** What has to be told to a reader that knows nothing, so that it knows `state`. */
export function fullMessage(router: string, state: DemandState): DemandMessage {
  const { models, pods, tenants, revisions } = state;
  return {
    full: true,
    router,
    models: [...models.values()],
    pods: [...pods.values()],
    tenants: [...tenants.values()],
    revisions: [...revisions.values()],
  };
}

/** What has to be told to a reader that knows `before`, so that it knows `after`. */
export function changesOf(before: DemandState, after: DemandState): DemandMessage {
  return {
    full: false,
    models: changes(sections.models, before.models, after.models),
    pods: changes(sections.pods, before.pods, after.pods),
    tenants: changes(sections.tenants, before.tenants, after.tenants),
    revisions: changes(sections.revisions, before.revisions, after.revisions),
  };
}

function changes<T extends object>(
  { nothing }: Section<T>,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): T[] {
  const told: T[] = [];
  for (const [key, entry] of after) {
    const known = before.get(key);
    if (!known || !isSame(known, entry)) told.push(entry);
  }
  for (const [key, entry] of before) if (!after.has(key)) told.push(nothing(entry));
  return told;
}

function isSame<T extends object>(one: T, other: T): boolean {
  for (const field in one) if (one[field] !== other[field]) return false;
  return true;
}

/** A revision that has answered nothing. */
export const noAnswers = {
  ...{ requests: 0, failures: 0 },
  ...{ ttfts: 0, ttftMs: 0, ttftMs2: 0 },
  ...{ tpots: 0, tpotMs: 0, tpotMs2: 0 },
} as const;

/** How a revision of a model is told apart from others. */
export function revisionKey(of: Pick<RevisionDemand, 'namespace' | 'name' | 'revision'>): string {
  return `${modelKey(of)}/${of.revision}`;
}

/** How a model is told apart from others. */
export function modelKey({ namespace, name }: Pick<ModelDemand, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}
