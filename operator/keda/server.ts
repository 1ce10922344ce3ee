import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { RouterDemand } from '../demand/routers.ts';
import {
  externalScaler,
  type GetMetricSpecResponse,
  type GetMetricsRequest,
  type GetMetricsResponse,
  type IsActiveResponse,
  type ScaledObjectRef,
} from './protocol.ts';
import {
  isActive,
  keyOfTrigger,
  metricSpecOf,
  metricsOf,
  ScalerError,
  type ScalerSources,
} from './scaler.ts';

export interface KedaServer {
  port: number;
  /** Ends open streams as complete, for KEDA comes back to these after 2 s, and to broken ones ever later. */
  close(): Promise<void>;
}

/** For what is asked while the server closes. */
const patienceMs = 1_000;

/**
 * Serves KEDA's external-push scaler: it is told of the first request for a model as the operator learns of it.
 * In plain text, as KEDA asks by default: nothing but counts of requests goes over it.
 * @param port 0: any free one
 */
export async function serveKeda(
  port: number,
  sources: ScalerSources,
  demand: Pick<RouterDemand, 'listen'>,
): Promise<KedaServer> {
  const streams = new Set<{ end(): void }>();
  const streamIsActive: handleServerStreamingCall<ScaledObjectRef, IsActiveResponse> = (call) => {
    const ref = call.request;
    let last: boolean | undefined;
    const tell = () => {
      try {
        const result = isActive(ref, sources);
        if (result === last) return;
        last = result;
        call.write({ result });
      } catch (error) {
        // What is not known is told once it is; a wrong trigger never will be.
        if (!(error instanceof ScalerError && error.code === 'UNAVAILABLE'))
          call.destroy(refused(error));
      }
    };
    const end = demand.listen({
      onModel: (key) => {
        if (key === keyOfTrigger(ref)) tell();
      },
      onRouters: tell,
    });
    const over = () => {
      end();
      streams.delete(call);
    };
    call.on('close', over);
    call.on('cancelled', over);
    streams.add(call);
    tell();
  };

  const server = new Server();
  server.addService(externalScaler, {
    IsActive: unary<ScaledObjectRef, IsActiveResponse>((ref) => ({
      result: isActive(ref, sources),
    })),
    StreamIsActive: streamIsActive,
    GetMetricSpec: unary<ScaledObjectRef, GetMetricSpecResponse>((ref) =>
      metricSpecOf(ref, sources),
    ),
    GetMetrics: unary<GetMetricsRequest, GetMetricsResponse>(({ scaledObjectRef }) => {
      if (!scaledObjectRef) throw new ScalerError('INVALID_ARGUMENT', 'scaledObjectRef is missing');
      return metricsOf(scaledObjectRef, sources);
    }),
  });
  const bind = (address: string) =>
    new Promise<number>((resolve, reject) => {
      const bound = (error: Error | null, at: number) => (error ? reject(error) : resolve(at));
      server.bindAsync(`${address}:${port}`, ServerCredentials.createInsecure(), bound);
    });
  return {
    // A machine without IPv6 has no such address.
    port: await bind('[::]').catch(() => bind('0.0.0.0')),
    async close() {
      for (const stream of streams) stream.end();
      const late = setTimeout(() => server.forceShutdown(), patienceMs);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(late);
    },
  };
}

/** A call that has its answer at once. */
function unary<Q, R>(answer: (question: Q) => R): handleUnaryCall<Q, R> {
  return (call, done) => {
    try {
      done(null, answer(call.request));
    } catch (error) {
      done(refused(error));
    }
  };
}

function refused(error: unknown): Partial<ServiceError> & Error {
  const code = error instanceof ScalerError ? status[error.code] : status.INTERNAL;
  const message = error instanceof Error ? error.message : String(error);
  return Object.assign(new Error(message), { code, details: message });
}
