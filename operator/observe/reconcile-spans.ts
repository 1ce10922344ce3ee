import { type Attributes, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import { type ReconcileReport, reconciled } from '../../kube/controller.ts';
import { KubeApiError } from '../../kube/errors.ts';
import type { AttributesOf, reconcileSpan } from '../../telemetry/contract/spans.ts';
import { otherValue } from '../../telemetry/contract/values.ts';

/** Makes a span of every reconcile. */
export function traceReconciles(tracer: Tracer): void {
  reconciled.subscribe((report) => {
    // kube/controller.ts publishes nothing else there.
    record(tracer, report as ReconcileReport);
  });
}

function record(tracer: Tracer, report: ReconcileReport): void {
  const { controller, key, reconcileId, result, startedAtMs, durationMs, error } = report;
  const attributes: AttributesOf<typeof reconcileSpan> = {
    'fairlead.reconcile.controller': controller,
    'fairlead.reconcile.key': key,
    'fairlead.reconcile.id': reconcileId,
    'fairlead.reconcile.result': result,
    'error.type': error === undefined ? undefined : errorTypeOf(error),
  };
  const span = tracer.startSpan(`reconcile ${controller}`, {
    kind: SpanKind.INTERNAL,
    startTime: startedAtMs,
    attributes: attributes as Attributes,
  });
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(startedAtMs + durationMs);
}

function errorTypeOf(error: unknown): string {
  return (error instanceof KubeApiError && error.reason) || otherValue;
}
