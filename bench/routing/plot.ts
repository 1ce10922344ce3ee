/** One line of a plot: a name and its points from left to right. */
export interface Series {
  readonly name: string;
  readonly points: readonly { x: number; y: number }[];
  readonly isOwn: boolean;
}

const width = 640;
const height = 300;
const left = 60;
const right = 170;
const top = 30;
const bottom = 40;
const colours = [
  '#888',
  '#b58900',
  '#cb4b16',
  '#6c71c4',
  '#268bd2',
  '#2aa198',
  '#859900',
  '#d33682',
  '#222',
];

/** Draws lines over a logarithmic y axis as an SVG image. */
export function plot(
  title: string,
  xLabel: string,
  yLabel: string,
  lines: readonly Series[],
): string {
  const all = lines.flatMap(({ points }) => points);
  const xs = all.map(({ x }) => x);
  const logs = all.map(({ y }) => Math.log10(Math.max(1e-3, y)));
  const [minX, maxX] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  const toX = (x: number) => left + ((x - minX) / (maxX - minX || 1)) * (width - left - right);
  const toY = (y: number) => {
    const share = (Math.log10(Math.max(1e-3, y)) - low) / (high - low || 1);
    return height - bottom - share * (height - top - bottom);
  };
  const grid = Array.from({ length: high - low + 1 }, (_, step) => {
    const y = 10 ** (low + step);
    return `<line x1="${left}" x2="${width - right}" y1="${toY(y)}" y2="${toY(y)}" stroke="#ddd"/>
<text x="${left - 6}" y="${toY(y) + 4}" text-anchor="end">${y}</text>`;
  });
  const ticks = [...new Set(xs)].map(
    (x) => `<text x="${toX(x)}" y="${height - bottom + 16}" text-anchor="middle">${x}</text>`,
  );
  const drawn = lines.map(({ name, points, isOwn }, index) => {
    const colour = isOwn ? '#dc322f' : (colours[index % colours.length] ?? '#888');
    const path = points.map(({ x, y }) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`).join(' ');
    const labelY = top + 16 * index;
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${isOwn ? 3 : 1.5}"/>
<line x1="${width - right + 12}" x2="${width - right + 32}" y1="${labelY}" y2="${labelY}" stroke="${colour}" stroke-width="${isOwn ? 3 : 1.5}"/>
<text x="${width - right + 38}" y="${labelY + 4}">${name}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">
<title>${title}: ${yLabel} by ${xLabel}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${left}" y="16" font-size="13">${title}</text>
<text x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">${xLabel}</text>
<text x="14" y="${top - 6}">${yLabel}</text>
${[...grid, ...ticks, ...drawn].join('\n')}
</svg>
`;
}
