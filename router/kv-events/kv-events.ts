import type { Logger } from '../../kube/logger.ts';
import type { ReplicaLoads } from '../balance/replica-loads.ts';
import type { Replica } from '../catalog/model.ts';
import { EngineBlocks } from './engine-blocks.ts';
import { KvEventStream } from './stream.ts';

/**
 * Follows each replica that tells what it has in its prefix cache. While one is silent, what it has is guessed
 * by what it was sent, as of replicas that never tell.
 */
export class KvEvents {
  readonly #loads: Pick<ReplicaLoads, 'of' | 'setTracker'>;
  readonly #router: string;
  readonly #dropped: (replicaId: string, keys: readonly number[]) => void;
  readonly #log: Logger;
  readonly #streams = new Map<string, KvEventStream>();

  /**
   * @param router distinguishes this router's requests from those of others
   * @param dropped told of blocks of prompts that a replica has dropped
   */
  constructor(
    loads: Pick<ReplicaLoads, 'of' | 'setTracker'>,
    router: string,
    dropped: (replicaId: string, keys: readonly number[]) => void,
    log: Logger,
  ) {
    this.#loads = loads;
    this.#router = router;
    this.#dropped = dropped;
    this.#log = log;
  }

  /** Follows those of these that tell, and no others any more. To be called when their loads are known. */
  retain(replicas: readonly Replica[]): void {
    const present = new Set(replicas.map(({ id }) => id));
    for (const [id, stream] of this.#streams) {
      if (present.has(id)) continue;
      stream.stop();
      this.#streams.delete(id);
    }
    for (const replica of replicas) {
      if (!replica.kvEvents || this.#streams.has(replica.id)) continue;
      this.#streams.set(replica.id, this.#follow(replica, replica.kvEvents));
    }
  }

  #follow(replica: Replica, { port, replayPort }: NonNullable<Replica['kvEvents']>): KvEventStream {
    const { id, pod, namespace } = replica;
    const host = replica.host.replace(/^\[|\]$/g, '');
    const { prefixes } = this.#loads.of(id);
    const blocks = new EngineBlocks(prefixes, this.#router, (keys) => this.#dropped(id, keys));
    let wasLive: boolean | undefined;
    return new KvEventStream(
      { host, port, replayPort },
      {
        apply: (event) => blocks.apply(event),
        emptied: () => blocks.emptied(),
        missed: () => blocks.missed(),
        live: (isLive, error) => {
          this.#loads.setTracker(id, isLive ? blocks : undefined);
          if (isLive === wasLive) return;
          wasLive = isLive;
          if (isLive) this.#log.info({ namespace, pod }, 'following KV events');
          else {
            const about = { namespace, pod, error: error?.message };
            this.#log.warn(about, 'KV events are not to be had');
          }
        },
      },
    );
  }
}
