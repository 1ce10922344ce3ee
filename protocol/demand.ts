import { z } from 'zod';

/**
 * The demand stream: what a router has in flight, told to whoever asks at {@link demandPath} on its internal
 * port. Lines of JSON over HTTP: first the full state, then what has changed, and at least every
 * {@link heartbeatMs} a line, if an empty one.
 *
 * Version 1 only ever grows by fields that may be absent: a reader drops what it does not know. Anything
 * else gets another path.
 */
export const demandPath = '/demand/v1';

/** How long after a change it is told, at most, while the reader keeps up; milliseconds. */
export const changeDelayMs = 100;
/** The longest time between two lines, in milliseconds. */
export const heartbeatMs = 1_000;
/** A router that has said nothing for so long is taken for dead or hung; milliseconds. */
export const leaseMs = 5_000;

const count = z.int().min(0);

/** One model, by its ModelDeployment. */
const modelDemand = z.object({ namespace: z.string(), name: z.string(), inFlight: count });

/** One pod, by its uid. `draining`: the router sends it nothing new any more, and knows why. */
const podDemand = z.object({ uid: z.string(), inFlight: count, draining: z.boolean() });

const demandMessage = z.object({
  /** Whether it replaces all that was told before. */
  full: z.boolean(),
  /** One that is not listed in a full message has nothing in flight; so says 0 in a later one. */
  models: z.array(modelDemand),
  /** One that is not listed in a full message has nothing in flight and is not draining. */
  pods: z.array(podDemand),
});

export type ModelDemand = z.output<typeof modelDemand>;
export type PodDemand = z.output<typeof podDemand>;
export type DemandMessage = z.output<typeof demandMessage>;

/** A message as its line. */
export function encodeDemand(message: DemandMessage): string {
  return `${JSON.stringify(message)}\n`;
}

/** What a router said last, of each model and pod that it said anything but nothing of. */
export interface DemandState {
  /** By `namespace/name`. */
  readonly models: ReadonlyMap<string, ModelDemand>;
  /** By uid. */
  readonly pods: ReadonlyMap<string, PodDemand>;
}

/** Follows one stream: takes its bytes and keeps its state. */
export class DemandReader implements DemandState {
  readonly models = new Map<string, ModelDemand>();
  readonly pods = new Map<string, PodDemand>();
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

  #take({ full, models, pods }: DemandMessage): void {
    if (full) {
      this.models.clear();
      this.pods.clear();
    }
    for (const model of models) {
      const key = modelKey(model);
      if (model.inFlight > 0) this.models.set(key, model);
      else this.models.delete(key);
    }
    for (const pod of pods) {
      if (pod.inFlight > 0 || pod.draining) this.pods.set(pod.uid, pod);
      else this.pods.delete(pod.uid);
    }
  }
}

/** What has to be told to a reader that knows `before`, so that it knows `after`. */
export function changesOf(before: DemandState, after: DemandState): DemandMessage {
  const models = [...after.models.values()].filter(
    (model) => before.models.get(modelKey(model))?.inFlight !== model.inFlight,
  );
  for (const [key, model] of before.models)
    if (!after.models.has(key)) models.push({ ...model, inFlight: 0 });
  const pods = [...after.pods.values()].filter((pod) => {
    const known = before.pods.get(pod.uid);
    return known?.inFlight !== pod.inFlight || known.draining !== pod.draining;
  });
  for (const uid of before.pods.keys())
    if (!after.pods.has(uid)) pods.push({ uid, inFlight: 0, draining: false });
  return { full: false, models, pods };
}

/** How a model is told apart from others. */
export function modelKey({ namespace, name }: Pick<ModelDemand, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}
