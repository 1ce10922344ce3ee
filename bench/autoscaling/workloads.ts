import { readFileSync } from 'node:fs';
import { type Random, seededRandom } from '../routing/random.ts';

/** One request: when it comes, and how long a replica works on it. */
export interface Arrival {
  atS: number;
  workS: number;
}

export interface Workload {
  name: string;
  /** What it is, for the page. */
  about: string;
  untilS: number;
  arrivals: readonly Arrival[];
}

const hourS = 3600;
/** Seconds for a token of the answer, and for a thousand of the prompt. */
const decodeS = 0.02;
const prefillS = 0.1;

/** Work of an answer of a chat: some 300 tokens in the middle, up to thousands. */
const chatWork = (random: Random) => Math.max(0.2, random.lognormal(300, 0.8) * decodeS);

/** Requests at a rate that changes with time, by thinning. */
function poisson(untilS: number, mostPerS: number, rateAt: (atS: number) => number): Arrival[] {
  const random = seededRandom(7);
  const arrivals: Arrival[] = [];
  for (let atS = random.exponential(1 / mostPerS); atS < untilS; ) {
    if (random.next() * mostPerS < rateAt(atS)) arrivals.push({ atS, workS: chatWork(random) });
    atS += random.exponential(1 / mostPerS);
  }
  return arrivals;
}

const square: Workload = {
  name: 'square wave',
  about: 'ten minutes at 4 requests a second, ten minutes without, for four hours',
  untilS: 4 * hourS,
  arrivals: poisson(4 * hourS, 4, (atS) => (atS % 1200 < 600 ? 4 : 0)),
};

const diurnal: Workload = {
  name: 'day and night',
  about: 'a day, from 0.02 requests a second at night to 5 at noon',
  untilS: 24 * hourS,
  arrivals: poisson(24 * hourS, 5, (atS) => {
    const sun = (1 - Math.cos((2 * Math.PI * atS) / (24 * hourS))) / 2;
    return 0.02 + 4.98 * sun ** 3;
  }),
};

const bursts: Workload = {
  name: 'bursts',
  about:
    'one request every two seconds, and every 15 minutes 100 within 10 seconds, for four hours',
  untilS: 4 * hourS,
  arrivals: poisson(4 * hourS, 10.5, (atS) => (atS % 900 > 890 ? 10.5 : 0.5)),
};

const frequent: Workload = {
  name: 'frequent bursts',
  about: 'the same, and the 100 come every four minutes',
  untilS: 4 * hourS,
  arrivals: poisson(4 * hourS, 10.5, (atS) => (atS % 240 > 230 ? 10.5 : 0.5)),
};

const sparse: Workload = {
  name: 'now and then',
  about: 'some requests within a minute, once in about 40 minutes, for a day',
  untilS: 24 * hourS,
  arrivals: poisson(24 * hourS, 0.2, (atS) => (atS % 2400 < 60 ? 0.2 : 0)),
};

/** @param tracePath Mooncake's conversation trace; without it that workload is left out */
export function workloads(tracePath: string | undefined): Workload[] {
  return [...(tracePath ? [mooncake(tracePath)] : []), square, diurnal, bursts, frequent, sparse];
}

/** Chats as they were recorded in production (Mooncake, FAST'25): an hour, and one of silence after it. */
function mooncake(path: string): Workload {
  const arrivals = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { timestamp, input_length, output_length } = JSON.parse(line);
      const workS = output_length * decodeS + (input_length / 1000) * prefillS;
      return { atS: timestamp / 1000, workS };
    });
  const about = 'an hour of recorded chats, 3.4 a second, and an hour without';
  return { name: 'recorded chats', about, untilS: 2 * hourS, arrivals };
}
