import { describe, expect, test } from 'vitest';
import { modelDeployment, nowMs } from '../testing/fixtures.ts';
import { discovery, questionOf, valuesOf } from './answers.ts';
import { modelFilterOf, SelectorError } from './selector.ts';

const root = '/apis/external.metrics.k8s.io/v1beta1';

describe('a label selector', () => {
  test.each([
    ['', ['a', 'b', 'c']],
    ['model=a', ['a']],
    ['model == b', ['b']],
    ['model in (a, c)', ['a', 'c']],
    [' model in (b) ', ['b']],
  ])('%j selects', (selector, names) => {
    expect(['a', 'b', 'c'].filter(modelFilterOf(selector))).toEqual(names);
  });
  test.each(['app=a', 'model!=a', 'model', 'model=a,model=b', 'model notin (a)'])(
    '%j cannot be followed, and what can is said',
    (selector) => {
      expect(() => modelFilterOf(selector)).toThrow(SelectorError);
      expect(() => modelFilterOf(selector)).toThrow(/use model=<name/);
    },
  );
});

test.each([
  [root, { kind: 'discovery' }],
  [
    `${root}/namespaces/team/fairlead_demand?labelSelector=model%3Da`,
    { kind: 'metric', namespace: 'team', metric: 'fairlead_demand', selector: 'model=a' },
  ],
  [`${root}/namespaces/team`, { kind: 'unknown' }],
  ['/metrics', { kind: 'unknown' }],
])('%s is understood', (url, question) => {
  expect(questionOf(url)).toEqual(question);
});

const ask = (more: { metric?: string; selector?: string; isComplete?: boolean } = {}) => {
  const { metric = 'fairlead_demand', selector = 'model=skiff', isComplete = true } = more;
  return valuesOf(
    { kind: 'metric', namespace: 'models', metric, selector },
    {
      modelsOf: (namespace) => (namespace === 'models' ? [modelDeployment()] : []),
      loadOf: (key) => ({ inFlight: key === 'models/skiff' ? 3 : 0, held: 2, isComplete }),
      nowMs: () => nowMs,
    },
  );
};

test('the value is what is in flight and held', () => {
  expect(ask()).toEqual({
    status: 200,
    body: {
      kind: 'ExternalMetricValueList',
      apiVersion: 'external.metrics.k8s.io/v1beta1',
      metadata: {},
      items: [
        {
          metricName: 'fairlead_demand',
          metricLabels: { model: 'skiff' },
          timestamp: '2026-11-21T12:00:00Z',
          value: '5',
        },
      ],
    },
  });
});

test.each([
  ['another metric', { metric: 'qps' }, 404, /there is no metric qps, only fairlead_demand/],
  ['a selector that cannot be followed', { selector: 'app=x' }, 400, /use model=/],
  ['a load that is not known', { isComplete: false }, 503, /has not been heard/],
])('%s is an error that says so', (_, more, code, message) => {
  expect(ask(more)).toEqual({
    status: code,
    body: expect.objectContaining({
      kind: 'Status',
      code,
      message: expect.stringMatching(message),
    }),
  });
});

test('a model that is not there has no value', () => {
  expect(ask({ selector: 'model=other' }).body).toMatchObject({ items: [] });
});

test('discovery names the metric', () => {
  expect(discovery().body).toMatchObject({
    kind: 'APIResourceList',
    groupVersion: 'external.metrics.k8s.io/v1beta1',
    resources: [{ name: 'fairlead_demand', namespaced: true }],
  });
});
