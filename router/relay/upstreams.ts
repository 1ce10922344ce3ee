import type { Replica } from '../catalog/model.ts';
import { Connection } from './connection.ts';

/** The connections to all replicas: as many to each as it has requests, and the idle ones. */
export class Upstreams {
  /** Idle ones by replica, the last used last. A replica that has gone has no entry. */
  readonly #idle = new Map<string, Connection[]>();
  readonly #busy = new Set<Connection>();

  /** Takes a connection for one request; one that served nobody before when `fresh`. */
  take(replica: Replica, fresh: boolean): Connection {
    const idle = this.#idle.get(replica.id);
    if (!idle) this.#idle.set(replica.id, []);
    // The last used, so that those beyond the need grow old and close.
    const connection = (fresh ? undefined : idle?.pop()) ?? this.#create(replica);
    this.#busy.add(connection);
    return connection;
  }

  /** Gives a connection back whose request is complete. */
  giveBack(connection: Connection): void {
    if (!this.#busy.delete(connection)) return;
    const idle = this.#idle.get(connection.replica.id);
    if (idle) idle.push(connection);
    else void connection.destroy();
  }

  /** Closes a connection at once. */
  drop(connection: Connection): void {
    this.#busy.delete(connection);
    void connection.destroy();
  }

  /** Closes what is idle at replicas that are no longer there; their open requests go on. */
  retain(replicas: Iterable<Replica>): void {
    const present = new Set<string>();
    for (const { id } of replicas) present.add(id);
    for (const [id, idle] of this.#idle) {
      if (present.has(id)) continue;
      this.#idle.delete(id);
      for (const connection of idle) void connection.destroy();
    }
  }

  /** Closes every connection at once. */
  async close(): Promise<void> {
    const busy = [...this.#busy];
    this.retain([]);
    await Promise.all(busy.map((connection) => connection.destroy()));
  }

  #create(replica: Replica): Connection {
    const connection = new Connection(replica, () => {
      const idle = this.#idle.get(replica.id);
      const at = idle?.indexOf(connection) ?? -1;
      if (at < 0) return;
      idle?.splice(at, 1);
      void connection.destroy();
    });
    return connection;
  }
}
