/** Where one model is asked. */
export interface Place {
  /** Without `/v1`, such as `http://127.0.0.1:8080`. */
  url: string;
  model: string;
}

/** What a client program is told (its first argument, as JSON). */
export interface Target {
  chat: Place;
  embed?: Place;
  rerank?: Place;
}

/** What was seen, as JSON; an object with `error` when the client library reported one. */
export type Outcome = unknown;

const checkTimeoutMs = 60_000;

export const target: Target = JSON.parse(process.argv[2] ?? '{}');

/**
 * Runs checks one after the other and prints `{name: outcome}` as JSON. A check gives what the
 * client library handed to its caller; what it throws is an outcome too.
 */
export async function report(checks: Record<string, () => Promise<Outcome>>): Promise<void> {
  const outcomes: Record<string, Outcome> = {};
  for (const [name, check] of Object.entries(checks)) {
    outcomes[name] = await Promise.race([check().catch(describeError), tooLate()]);
  }
  process.stdout.write(JSON.stringify(outcomes));
  process.exit(0);
}

/** The parts of an error that callers decide by. */
export function describeError(thrown: unknown): Outcome {
  if (!(thrown instanceof Error)) return { error: { name: typeof thrown } };
  const { status, statusCode, code, type, param, error } = thrown as Error &
    Record<string, unknown>;
  return {
    error: {
      name: thrown.constructor.name,
      message: thrown.message,
      status: status ?? statusCode,
      code,
      type,
      param,
      body: error,
    },
  };
}

/** All that an async iterable yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function tooLate(): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  setTimeout(() => resolve({ error: { name: 'timeout' } }), checkTimeoutMs).unref();
  return promise;
}
