import { parser } from '@prometheus-io/lezer-promql';

/** A metric that a query names, with the labels that the query takes it to have. */
export interface Use {
  readonly metric: string;
  /** With its own matchers, as it stands in the query. */
  readonly selector: string;
  readonly labels: readonly string[];
}

type Node = ReturnType<typeof parser.parse>['topNode'];

const strictParser = parser.configure({ strict: true });

/** Grafana's variables, as values that the grammar takes. */
export function withoutVariables(query: string): string {
  return query
    .replaceAll('$__rate_interval', '5m')
    .replaceAll('$__range', '1h')
    .replaceAll('$model', '.*');
}

/**
 * The metrics of a query. Labels are those it selects by and those that aggregations and matchings around
 * it name; what is on the right of `and` and `unless` gives no labels to what is around it.
 * @throws SyntaxError
 */
export function usesOf(query: string): Use[] {
  const text = (node: Node) => query.slice(node.from, node.to);
  const uses: Use[] = [];
  visit(strictParser.parse(query).topNode, []);
  return uses;

  function visit(node: Node, around: readonly string[]): void {
    if (node.name === 'VectorSelector') {
      const metric = node.getChild('Identifier');
      const own = namesIn(node.getChild('LabelMatchers'));
      const labels = [...own, ...around];
      uses.push({ metric: metric ? text(metric) : '', selector: text(node), labels });
      return;
    }
    const children = childrenOf(node);
    const modifier = node.getChild('AggregateModifier');
    const matching = node.getChild('MatchingModifierClause')?.getChild('GroupingLabels') ?? null;
    const inner = [...namesIn(modifier), ...namesIn(matching)];
    const setOperator = node.getChild('And') ?? node.getChild('Unless');
    for (const child of children) {
      if (child.name === 'AggregateModifier' || child.name === 'MatchingModifierClause') continue;
      const isFilter = setOperator !== null && child.from > setOperator.from;
      visit(child, isFilter ? namesIn(matching) : [...around, ...inner]);
    }
  }

  function namesIn(node: Node | null): string[] {
    if (node === null) return [];
    if (node.name === 'LabelName') return [text(node)];
    return childrenOf(node).flatMap(namesIn);
  }
}

function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}
