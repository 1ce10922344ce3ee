/** One request in virtual time. */
export interface SimRequest {
  readonly inputTokens: number;
  /** At least 2. */
  readonly outputTokens: number;
  /** Ids of the full blocks of prompt and, where known, answer: equal ids, equal text up to there. */
  readonly blocks: Int32Array;
  /** How many of the blocks are the prompt's. */
  readonly promptBlocks: number;
  /** Stands for the first characters of the first user message. */
  readonly headKey: number;
  /** The request that follows some time after this one's end, if any. */
  readonly next?: { readonly request: SimRequest; readonly afterS: number } | undefined;
}

/** A stream of requests. */
export interface Workload {
  readonly name: string;
  readonly blockTokens: number;
  /** First requests of conversations, and when they arrive; in order of time. */
  readonly arrivals: readonly { atS: number; request: SimRequest }[];
}
