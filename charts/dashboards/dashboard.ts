/** A query and how its series are called in the legend, as in Grafana: `{{label}}`. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

/** One panel; where it stands follows from its kind and the panels before it. */
export interface Panel {
  readonly title: string;
  /** What a reader cannot guess from the title. */
  readonly description?: string;
  readonly kind: 'timeseries' | 'stat';
  /** Grafana's name of the unit, such as `s`, `reqps` or `percentunit`. */
  readonly unit: string;
  readonly queries: readonly Query[];
}

/** Panels under a heading. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A dashboard; its file is named by `name`, and links to it stay valid as long as `name` does. */
export interface Dashboard {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Whether it shows one model at a time, or any of them together. */
  readonly models: 'one' | 'many';
  readonly rows: readonly Row[];
}

const columns = 24;
const sizes = { timeseries: { w: 8, h: 8 }, stat: { w: 4, h: 4 } } as const;
const datasource = { type: 'prometheus', uid: '$' + '{datasource}' } as const;

/** Grafana's classic JSON model of a dashboard (schema version 39, Grafana 10.3 and newer). */
export function toGrafana({ name, title, description, models, rows }: Dashboard) {
  return {
    uid: `fairlead-${name}`,
    title: `Fairlead / ${title}`,
    description,
    tags: ['fairlead'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    annotations: { list: [] },
    links: [{ type: 'dashboards', title: 'Fairlead', tags: ['fairlead'], asDropdown: true }],
    templating: { list: [datasourceVariable, modelVariable(models)] },
    panels: placed(rows).map((panel, index) => ({ id: index + 1, ...panel })),
  };
}

const datasourceVariable = {
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
};

function modelVariable(models: Dashboard['models']) {
  const query = 'label_values(fairlead_requests_total, gen_ai_request_model)';
  const several = { multi: true, includeAll: true, allValue: '.*', current: all };
  return {
    name: 'model',
    label: 'Model',
    type: 'query',
    datasource,
    definition: query,
    query: { query, refId: 'models' },
    // Each time that the time range changes.
    refresh: 2,
    sort: 1,
    ...(models === 'many' ? several : { multi: false, includeAll: false }),
  };
}

const all = { selected: true, text: ['All'], value: ['$__all'] };

/** Panels from left to right; a row ends where the next one begins or has no room. */
function placed(rows: readonly Row[]): object[] {
  const result: object[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    result.push({ type: 'row', title, collapsed: false, gridPos: { h: 1, w: columns, x: 0, y } });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of panels) {
      const { w, h } = sizes[panel.kind];
      if (x + w > columns) {
        y += height;
        x = 0;
        height = 0;
      }
      result.push({ ...panelModel(panel), gridPos: { h, w, x, y } });
      x += w;
      height = Math.max(height, h);
    }
    y += height;
  }
  return result;
}

function panelModel({ kind, title, description, unit, queries }: Panel) {
  return {
    type: kind,
    title,
    ...(description && { description }),
    datasource,
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource,
      expr,
      legendFormat: legend,
      // A figure of now needs no history.
      ...(kind === 'stat' ? { instant: true } : { range: true }),
    })),
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: kind === 'stat' ? statOptions : timeSeriesOptions,
  };
}

const statOptions = {
  reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  colorMode: 'none',
  graphMode: 'none',
};
const timeSeriesOptions = {
  legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
  tooltip: { mode: 'multi', sort: 'desc' },
};
