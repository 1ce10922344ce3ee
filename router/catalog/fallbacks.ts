import type { Catalog } from './model.ts';
import { type Target, targetOf } from './target.ts';

/**
 * Where a request for a name may go: to what the name leads to, then to that model's fallbacks in their
 * order, each model once. The fallbacks of a fallback are not followed, so there is no loop to fall
 * into. Left out are names that lead nowhere and those that `suits` refuses.
 * @param suits whether a fallback offers what is asked for and the client's key may use it
 * @returns empty when the name leads nowhere
 */
export function targetsOf(
  catalog: Catalog,
  name: string,
  suits: (target: Target) => boolean,
): readonly Target[] {
  const asked = targetOf(catalog, name);
  if (!asked) return [];
  const targets = [asked];
  for (const fallback of asked.model.routing.fallbacks) {
    const target = targetOf(catalog, fallback);
    if (!target || !suits(target)) continue;
    if (!targets.some(({ model }) => model === target.model)) targets.push(target);
  }
  return targets;
}
