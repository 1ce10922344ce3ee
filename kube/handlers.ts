/** Whether a change was found by comparing with a list or came as it happened. */
export type ChangeSource = 'list' | 'watch';

/** Told of every change, in order, synchronously. What it throws is logged and counted, and stops nothing. */
export interface Handler<T> {
  added?(object: T, source: ChangeSource): void;
  updated?(before: T, after: T, source: ChangeSource): void;
  /** @param lastKnown the state in the deletion event, or the stored one when no event told of it */
  deleted?(lastKnown: T, source: ChangeSource): void;
}

/** A handler that passes everything on to many. */
export interface HandlerSet<T> extends Required<Handler<T>> {
  /** Begins with `added` for each of `present`. Returns what removes the handler. */
  add(handler: Handler<T>, present: readonly T[]): () => void;
}

/** @param onError gets what a handler threw */
export function createHandlerSet<T>(onError: (error: unknown) => void): HandlerSet<T> {
  const handlers = new Set<Handler<T>>();
  const call = (handler: Handler<T>, tell: (handler: Handler<T>) => unknown) => {
    try {
      const result = tell(handler);
      // An async function is assignable to a handler; its rejection must not end the process.
      if (result instanceof Promise) result.catch(onError);
    } catch (error) {
      onError(error);
    }
  };
  const all = (tell: (handler: Handler<T>) => unknown) => {
    for (const handler of handlers) call(handler, tell);
  };
  return {
    added: (object, source) => all((one) => one.added?.(object, source)),
    updated: (before, after, source) => all((one) => one.updated?.(before, after, source)),
    deleted: (lastKnown, source) => all((one) => one.deleted?.(lastKnown, source)),
    add(handler, present) {
      for (const object of present) call(handler, (one) => one.added?.(object, 'list'));
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}
