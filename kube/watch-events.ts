import { KubeApiError, type Status } from './errors.ts';
import type { KubeObject } from './object.ts';

/** One line of a watch. A bookmark carries nothing but a resourceVersion and annotations. */
export interface WatchEvent<T extends KubeObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
}

/**
 * Turns the chunks of a watch's body into events.
 * The returned function throws {@link KubeApiError} on an ERROR event and SyntaxError on a broken line.
 */
export function createWatchDecoder<T extends KubeObject>(
  request: string,
  onEvent: (event: WatchEvent<T>) => void,
): (chunk: Buffer) => void {
  let rest: Buffer[] = [];
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      rest.push(chunk.subarray(start, end));
      const line = rest.length === 1 ? `${rest[0]}` : Buffer.concat(rest).toString();
      rest = [];
      start = end + 1;
      if (line.trim() === '') continue;
      const event: WatchEvent<T> | { type: 'ERROR'; object: Status } = JSON.parse(line);
      if (event.type === 'ERROR') throw new KubeApiError(request, 500, event.object);
      onEvent(event);
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  };
}
