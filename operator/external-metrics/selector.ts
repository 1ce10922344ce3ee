/** What a label selector asks of the one label that there is. */
export type ModelFilter = (name: string) => boolean;

/** A selector that cannot be followed. Its message says what can. */
export class SelectorError extends Error {
  override name = 'SelectorError';
}

const label = 'model';
const equal = new RegExp(`^${label}\\s*==?\\s*([a-z0-9-]+)$`);
const among = new RegExp(`^${label}\\s+in\\s*\\(\\s*([a-z0-9-]+(?:\\s*,\\s*[a-z0-9-]+)*)\\s*\\)$`);

/**
 * Reads a label selector of a HorizontalPodAutoscaler: `model=name` or `model in (a,b)`; empty: every model.
 * @throws SelectorError
 */
export function modelFilterOf(selector: string): ModelFilter {
  const text = selector.trim();
  if (text === '') return () => true;
  const names = equal.exec(text)?.[1] ?? among.exec(text)?.[1];
  if (names === undefined)
    throw new SelectorError(
      `cannot select by "${text}": use model=<name of a ModelDeployment>, or model in (<name>, …)`,
    );
  const wanted = new Set(names.split(',').map((name) => name.trim()));
  return (name) => wanted.has(name);
}
