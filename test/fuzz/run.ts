import { connect } from 'node:net';
import { eventually, openSockets } from '../../kube/testing/wait.ts';
import {
  type ScriptedUpstream,
  startUpstream,
  type UpstreamRequest,
} from '../../router/testing/scripted-upstream.ts';
import { startTestRouter } from '../../router/testing/test-router.ts';
import { firstAnswer } from './answer.ts';
import { type FuzzCase, fuzzCases, mustBeAnswered, mutate, pieces, requestBytes } from './cases.ts';

/** What a run found. */
export interface FuzzReport {
  cases: number;
  /** What the clients got, by status; `none`: no answer. */
  statuses: Record<string, number>;
  /** Requests that reached an engine. */
  reached: number;
  /** Each rule that was broken, with the seed and number of its case. */
  violations: string[];
}

const chunkSize = 1_000;
const concurrency = 64;
/** A client that hears nothing for so long goes away: where an answer may never come, and where it must. */
const patienceMs = { perhaps: 150, surely: 20_000 };

/**
 * Sends mutated requests to a router whose engines send mutated replies, and looks for broken rules:
 * a request at the wrong model's engine, an answer cut off that looks complete, an internal error, a
 * request or a socket that stays.
 * @param log told of progress
 */
export async function fuzz(
  seed: number,
  count: number,
  log: (line: string) => void,
): Promise<FuzzReport> {
  const report: FuzzReport = { cases: 0, statuses: {}, reached: 0, violations: [] };
  let cases: FuzzCase[] = [];
  let caseOffset = 0;
  const broken = (index: number, what: string) => {
    if (report.violations.length < 20)
      report.violations.push(`seed ${seed}, case ${index}: ${what}`);
  };
  const engineOf = (model: string) =>
    startUpstream((request) => {
      report.reached++;
      const index = Number(/^x-case: (\d+)\r?$/im.exec(request.head)?.[1] ?? Number.NaN);
      const asked = modelIn(request.body);
      if (asked !== model) broken(index, `${model}'s engine was asked for ${asked}`);
      sendReply(request, cases[index - caseOffset]);
    });
  const engines: [string, ScriptedUpstream][] = [
    ['alpha', await engineOf('alpha')],
    ['beta/two', await engineOf('beta/two')],
  ];
  const router = await startTestRouter();
  try {
    for (const [model, engine] of engines) {
      const name = model.replace('/', '-');
      router.putModel(name, { servedName: model });
      router.putPod(name, `${name}-0`, engine.port);
      await router.untilReplicas(model, 1);
    }
    const socketsBefore = openSockets().length;
    for (caseOffset = 0; caseOffset < count; caseOffset += chunkSize) {
      const size = Math.min(chunkSize, count - caseOffset);
      cases = fuzzCases(seed + caseOffset, size);
      await runAll(cases, async (fuzzed, offset) => {
        const index = caseOffset + offset;
        const patience = patienceMs[mustBeAnswered(fuzzed) ? 'surely' : 'perhaps'];
        const request = pieces(requestBytes(fuzzed, index), fuzzed.cuts);
        const { answer, gaveUp } = await exchange(router.address, request, patience);
        if (gaveUp && mustBeAnswered(fuzzed)) broken(index, `left waiting after: ${answer}`);
        const status = firstAnswer(answer)?.status ?? 'none';
        report.statuses[status] = (report.statuses[status] ?? 0) + 1;
        if (answer.includes('"internal_error"')) broken(index, `internal error: ${answer}`);
        if (looksComplete(answer)) broken(index, `a cut-off stream looks complete: ${answer}`);
      });
      report.cases += size;
      await eventually('no request is in flight', () => router.inFlight() === 0);
      for (const [, engine] of engines) engine.requests.length = 0;
      if (report.cases % 10_000 === 0) log(`${report.cases} cases`);
    }
    // The router closes connections that idle for 4 s.
    await eventually('no socket is left', () => openSockets().length <= socketsBefore, 60_000);
  } finally {
    await router.stop();
    await Promise.all(engines.map(([, engine]) => engine.stop()));
  }
  return report;
}

/** The model of a body as an engine reads it: of several keys the last. */
function modelIn(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()).model;
  } catch (error) {
    return `something that is not JSON (${error}): ${body.toString('latin1')}`;
  }
}

function sendReply({ socket }: UpstreamRequest, fuzzed: FuzzCase | undefined): void {
  if (!fuzzed) {
    socket.end();
    return;
  }
  const bytes = Buffer.from(mutate(fuzzed.reply, fuzzed.replyMutations), 'latin1');
  for (const piece of pieces(bytes, fuzzed.replyCuts)) socket.write(piece);
  if (fuzzed.afterwards === 'end') socket.end();
  if (fuzzed.afterwards === 'reset') socket.resetAndDestroy();
}

/** An event stream whose framing came to its end, without the engine's own end and without an error. */
function looksComplete(text: string): boolean {
  const answer = firstAnswer(text);
  if (answer?.status !== 200 || !answer.isEventStream) return false;
  return answer.complete && !answer.body.includes('[DONE]');
}

/** Sends and gives what came until the answer was whole, the connection closed or patience ended. */
function exchange(
  address: string,
  request: readonly Buffer[],
  patienceMs: number,
): Promise<{ answer: string; gaveUp: boolean }> {
  const { hostname, port } = new URL(address);
  const { promise, resolve } = Promise.withResolvers<{ answer: string; gaveUp: boolean }>();
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const chunks: Buffer[] = [];
  const text = () => Buffer.concat(chunks).toString('latin1');
  const finish = (gaveUp: boolean) => {
    clearTimeout(patience);
    socket.destroy();
    resolve({ answer: text(), gaveUp });
  };
  const patience = setTimeout(finish, patienceMs, true);
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    patience.refresh();
    if (firstAnswer(text())?.complete) finish(false);
  });
  socket.on('close', () => finish(false));
  socket.on('error', () => finish(false));
  for (const piece of request) socket.write(piece);
  return promise;
}

/** Runs work for each item, several at once. */
async function runAll<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const entries = items.entries();
  const worker = async () => {
    for (const [index, item] of entries) await work(item, index);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
