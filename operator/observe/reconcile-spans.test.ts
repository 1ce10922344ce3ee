import { type Span, SpanKind, type Tracer } from '@opentelemetry/api';
import { expect, test } from 'vitest';
import { createController } from '../../kube/controller.ts';
import { KubeApiError } from '../../kube/errors.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { traceReconciles } from './reconcile-spans.ts';

test('every reconcile is a span that says of what, with which result', async () => {
  const spans: { name: string; options: object; status?: object }[] = [];
  const tracer = {
    startSpan(name: string, options: object) {
      const span: (typeof spans)[number] = { name, options };
      return {
        setStatus: (status: object) => {
          span.status = status;
        },
        end: () => void spans.push(span),
      } as unknown as Span;
    },
  };
  traceReconciles(tracer as unknown as Tracer);
  const controller = createController({
    name: 'widgets',
    async reconcile(key) {
      if (key === 'ns/bad') throw new KubeApiError('GET', 403, { reason: 'Forbidden' });
    },
  });
  await controller.start();
  controller.enqueue('ns/good');
  controller.enqueue('ns/bad');
  await eventually('both are done', () => spans.length >= 2);
  await controller.stop();
  const spanOf = (key: string) =>
    spans.find(({ options }) => JSON.stringify(options).includes(key));
  expect(spanOf('ns/good')).toEqual({
    name: 'reconcile widgets',
    options: {
      kind: SpanKind.INTERNAL,
      startTime: expect.any(Number),
      attributes: {
        'fairlead.reconcile.controller': 'widgets',
        'fairlead.reconcile.key': 'ns/good',
        'fairlead.reconcile.id': expect.any(String),
        'fairlead.reconcile.result': 'success',
        'error.type': undefined,
      },
    },
  });
  expect(spanOf('ns/bad')).toMatchObject({
    status: { code: 2 },
    options: { attributes: { 'fairlead.reconcile.result': 'error', 'error.type': 'Forbidden' } },
  });
});
