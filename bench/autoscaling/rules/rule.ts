/** What a rule sees. */
export interface Seen {
  nowS: number;
  /** Requests in flight and waiting. */
  signal: number;
  /** Replicas that are asked for now. */
  wanted: number;
  /** Of these, how many serve. */
  ready: number;
  maxReplicas: number;
  /** A request came or went. */
  isEvent: boolean;
}

/** An autoscaler's rule. New for each run. */
export interface Rule {
  readonly name: string;
  /** How often it looks; undefined: at every request, and when it says. */
  readonly periodS: number | undefined;
  decide(seen: Seen): { desired: number; againInS: number | undefined };
}

/** Values with their times, of which the last `windowS` count. */
export class Samples {
  #samples: { atS: number; value: number }[] = [];

  add(atS: number, value: number, keptS: number): void {
    this.#samples.push({ atS, value });
    this.#samples = this.#samples.filter((sample) => sample.atS > atS - keptS);
  }

  mean(nowS: number, windowS: number): number {
    const values = this.#of(nowS, windowS);
    return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  }

  highest(nowS: number, windowS: number): number {
    return Math.max(0, ...this.#of(nowS, windowS));
  }

  #of(nowS: number, windowS: number): number[] {
    return this.#samples.filter(({ atS }) => atS > nowS - windowS).map(({ value }) => value);
  }
}
