/** Longer names are not compared: the work is the product of both lengths. */
const longestCompared = 128;

/**
 * The names most like a wrong one: those within an edit distance of a third of its length (at least
 * two) or that hold it or are held by it, best first, ties by name.
 */
export function nearestNames(wrong: string, names: Iterable<string>, limit: number): string[] {
  if (wrong.length > longestCompared) return [];
  const from = wrong.toLowerCase();
  const farthest = Math.max(2, Math.floor(from.length / 3));
  const near: { name: string; distance: number }[] = [];
  for (const name of names) {
    const to = name.toLowerCase();
    const contained = from.length > 2 && (to.includes(from) || from.includes(to));
    if (!contained && Math.abs(to.length - from.length) > farthest) continue;
    const distance = editDistance(from, to);
    if (contained || distance <= farthest) near.push({ name, distance });
  }
  near.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return near.slice(0, limit).map(({ name }) => name);
}

/** Levenshtein's distance in UTF-16 units. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
