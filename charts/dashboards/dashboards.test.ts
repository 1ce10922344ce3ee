import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { toGrafana } from './dashboard.ts';
import { dashboardFiles, dashboards } from './generate.ts';

interface GridPos {
  h: number;
  w: number;
  x: number;
  y: number;
}
interface GrafanaPanel {
  id: number;
  type: string;
  title: string;
  gridPos: GridPos;
  datasource?: { type: string; uid: string };
  targets?: { refId: string; expr: string; datasource: object }[];
  fieldConfig?: { defaults: { unit: string } };
}

/** Of Grafana's list (packages/grafana-data/src/valueFormats/categories.ts). */
const units = [
  ...['bytes', 'decmbytes', 'none', 'ops', 'percent', 'percentunit', 'reqps', 's', 'short', 'watt'],
];
const fromVariable = { type: 'prometheus', uid: '$' + '{datasource}' };

test('the chart’s files are as generated', async () => {
  for (const { path, content } of dashboardFiles())
    expect(await readFile(path, 'utf8'), 'make generate').toBe(content);
});

test('no two dashboards have one uid, and none is longer than Grafana allows', () => {
  const uids = dashboards.map((dashboard) => toGrafana(dashboard).uid);
  expect(new Set(uids).size).toBe(uids.length);
  for (const uid of uids) expect(uid).toMatch(/^[a-z-]{1,40}$/);
});

describe.each(dashboards)('$title', (dashboard) => {
  const json = toGrafana(dashboard);
  const all = json.panels as GrafanaPanel[];
  const panels = all.filter(({ type }) => type !== 'row');

  test('has what Grafana’s schema asks for', () => {
    expect(json).toMatchObject({
      title: expect.any(String),
      schemaVersion: 39,
      time: { from: expect.any(String), to: 'now' },
      annotations: { list: [] },
    });
    expect(json.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['model', 'query'],
    ]);
  });

  test('every panel has its own id and a place that no other has', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    const taken = new Set<string>();
    for (const { gridPos, title } of all) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`), `${title} covers another`).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
    }
  });

  test.each(panels)('$title: data source, unit, queries', (panel) => {
    expect(panel.datasource).toEqual(fromVariable);
    expect(units).toContain(panel.fieldConfig?.defaults.unit);
    const refIds = panel.targets?.map(({ refId }) => refId);
    expect(new Set(refIds).size).toBe(panel.targets?.length);
    for (const { expr, datasource } of panel.targets ?? []) {
      expect(datasource).toEqual(fromVariable);
      if (expr.includes('rate(')) expect(expr).toContain('[$__rate_interval]');
    }
  });

  test('no title stands twice in a row, and no legend twice in a panel', () => {
    for (const { panels: inRow } of dashboard.rows) {
      expect(new Set(inRow.map(({ title }) => title)).size).toBe(inRow.length);
      for (const { queries } of inRow)
        expect(new Set(queries.map(({ legend }) => legend)).size).toBe(queries.length);
    }
  });
});
