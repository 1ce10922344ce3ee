/**
 * A quantity of CPU as a number of cores: `500m` is 0.5. Only the forms that make sense for CPU.
 * @returns NaN for anything else
 */
export function cores(quantity: string | number): number {
  const text = String(quantity);
  return text.endsWith('m') ? Number(text.slice(0, -1)) / 1000 : Number(text);
}

/** A quantity so many times, in the same unit: 3 times `1.5Gi` is `4.5Gi`. */
export function times(quantity: string | number, count: number): string {
  const [, number = '', unit = ''] = /^([+-]?[\d.]+)(.*)$/.exec(String(quantity)) ?? [];
  return `${Number((Number(number) * count).toPrecision(12))}${unit}`;
}
