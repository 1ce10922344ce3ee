/** The samples of an exposition: name with its labels sorted → value. */
export function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name = '', labels = '', value] =
      /^([a-z_]+)(?:\{(.*)\})? (\S+)(?: #.*)?$/.exec(line) ?? [];
    if (value === undefined) continue;
    const sorted = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)]
      .map(([, key, content]) => `${key}=${content}`)
      .sort();
    samples.set([name, ...sorted].join(' '), Number(value));
  }
  return samples;
}

/** Counts by upper bound, not cumulative, of the one histogram with this name and these labels. */
export function bucketsOf(
  samples: ReadonlyMap<string, number>,
  name: string,
  labels: readonly string[],
): Map<number, number> {
  const cumulative = [...samples].flatMap(([key, count]) => {
    const [metric, ...of] = key.split(' ');
    const bound = of.find((one) => one.startsWith('le='))?.slice(3);
    const rest = of.filter((one) => !one.startsWith('le='));
    const isIt = metric === `${name}_bucket` && rest.join() === labels.toSorted().join();
    return isIt && bound !== undefined
      ? [[bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), count] as const]
      : [];
  });
  let before = 0;
  const counts = new Map<number, number>();
  for (const [bound, count] of cumulative.toSorted(([a], [b]) => a - b)) {
    if (count > before) counts.set(bound, count - before);
    before = count;
  }
  return counts;
}
