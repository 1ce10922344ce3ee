/** Which replica holds a stored response. */
export interface ResponseOwner {
  /** The name that the client asked by. */
  readonly model: string;
  readonly replicaId: string;
}

/** Ids that this router remembers; the oldest are forgotten first. About 5 MB. */
const limit = 20_000;
/** The id stands in the first event of a stream, or among the first members of an object. */
const searchedBytes = 16 * 1024;
/** As bytes: inside of a JSON string the quotes would be escaped. */
const idPattern = /"id": ?"(resp[\w-]{1,120})"/;

/**
 * Remembers which replica made which response, because engines keep responses in their own memory. It is
 * learned from the answers that go by, so a router knows those that it relayed itself.
 */
export class ResponseIds {
  readonly #owners = new Map<string, ResponseOwner>();

  ownerOf(id: string): ResponseOwner | undefined {
    return this.#owners.get(id);
  }

  /** Sees one answer go by, chunk after chunk, and remembers the id in it. */
  learner(model: string): (replicaId: string, chunk: Buffer) => void {
    let seen = '';
    return (replicaId, chunk) => {
      if (seen.length >= searchedBytes) return;
      seen += chunk.toString('latin1', 0, searchedBytes);
      const id = idPattern.exec(seen)?.[1];
      if (id === undefined) return;
      seen = ' '.repeat(searchedBytes);
      this.#remember(id, { model, replicaId });
    };
  }

  #remember(id: string, owner: ResponseOwner): void {
    this.#owners.delete(id);
    this.#owners.set(id, owner);
    if (this.#owners.size <= limit) return;
    for (const oldest of this.#owners.keys()) {
      this.#owners.delete(oldest);
      return;
    }
  }
}
