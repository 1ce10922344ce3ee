import { fromJSON, type ServiceDefinition } from '@grpc/proto-loader';

/** What KEDA tells of the ScaledObject that it asks for. */
export interface ScaledObjectRef {
  name: string;
  namespace: string;
  /** `metadata` of its trigger. */
  scalerMetadata: Readonly<Record<string, string>>;
}

export interface IsActiveResponse {
  result: boolean;
}

export interface GetMetricSpecResponse {
  metricSpecs: { metricName: string; targetSize: number; targetSizeFloat: number }[];
}

export interface GetMetricsRequest {
  scaledObjectRef: ScaledObjectRef | null;
  metricName: string;
}

export interface GetMetricsResponse {
  metricValues: { metricName: string; metricValue: number; metricValueFloat: number }[];
}

const field = (id: number, type: string, more: object = {}) => ({ id, type, ...more });
const repeated = { rule: 'repeated' };

/** KEDA's service externalscaler.ExternalScaler, as its documentation of external scalers has it. */
const definition = {
  nested: {
    externalscaler: {
      nested: {
        ExternalScaler: {
          methods: {
            IsActive: { requestType: 'ScaledObjectRef', responseType: 'IsActiveResponse' },
            StreamIsActive: {
              requestType: 'ScaledObjectRef',
              responseType: 'IsActiveResponse',
              responseStream: true,
            },
            GetMetricSpec: {
              requestType: 'ScaledObjectRef',
              responseType: 'GetMetricSpecResponse',
            },
            GetMetrics: { requestType: 'GetMetricsRequest', responseType: 'GetMetricsResponse' },
          },
        },
        ScaledObjectRef: {
          fields: {
            name: field(1, 'string'),
            namespace: field(2, 'string'),
            scalerMetadata: field(3, 'string', { keyType: 'string' }),
          },
        },
        IsActiveResponse: { fields: { result: field(1, 'bool') } },
        GetMetricSpecResponse: { fields: { metricSpecs: field(1, 'MetricSpec', repeated) } },
        MetricSpec: {
          fields: {
            metricName: field(1, 'string'),
            targetSize: field(2, 'int64'),
            targetSizeFloat: field(3, 'double'),
          },
        },
        GetMetricsRequest: {
          fields: {
            scaledObjectRef: field(1, 'ScaledObjectRef'),
            metricName: field(2, 'string'),
          },
        },
        GetMetricsResponse: { fields: { metricValues: field(1, 'MetricValue', repeated) } },
        MetricValue: {
          fields: {
            metricName: field(1, 'string'),
            metricValue: field(2, 'int64'),
            metricValueFloat: field(3, 'double'),
          },
        },
      },
    },
  },
};

/** The service for a gRPC server or client. */
export const externalScaler = fromJSON(definition as Parameters<typeof fromJSON>[0], {
  defaults: true,
  longs: Number,
})['externalscaler.ExternalScaler'] as ServiceDefinition;
