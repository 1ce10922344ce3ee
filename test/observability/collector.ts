import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../support/engines/process.ts';
import { startProgram } from './program.ts';

/** A span as the Collector writes it (OTLP's JSON); ids in hexadecimal, kind 2 is SERVER, 3 CLIENT. */
export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  attributes: { key: string; value: Record<string, unknown> }[];
  /** The `service.name` of who sent it. */
  service: string;
}

/** A real OpenTelemetry Collector. */
export interface CollectorProcess {
  /** OTLP over HTTP and over gRPC. */
  httpUrl: string;
  grpcUrl: string;
  /** What it has received of a trace so far. */
  spans(traceId: string): Promise<CollectedSpan[]>;
  stop(): Promise<void>;
}

interface Batch {
  resourceSpans: {
    resource: { attributes?: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: Omit<CollectedSpan, 'service'>[] }[];
  }[];
}

const tracesFile = 'traces.jsonl';

/** Starts the Collector of hack/programs on the loopback; throws with its last lines when it ends. */
export async function startCollector(program: string): Promise<CollectorProcess> {
  const [http, grpc] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const headers = { 'content-type': 'application/json' };
  const probe = { method: 'POST', headers, body: '{}' };
  const { folder, stop } = await startProgram(
    'collector',
    async (folder) => {
      const config = {
        receivers: { otlp: { protocols: { http: { endpoint: http }, grpc: { endpoint: grpc } } } },
        exporters: { file: { path: join(folder, tracesFile), flush_interval: '100ms' } },
        service: { pipelines: { traces: { receivers: ['otlp'], exporters: ['file'] } } },
      };
      await writeFile(join(folder, 'config.yaml'), stringify(config));
      return [program, '--config', join(folder, 'config.yaml')];
    },
    async () => (await fetch(`http://${http}/v1/traces`, probe)).ok,
  );
  return {
    httpUrl: `http://${http}`,
    grpcUrl: `http://${grpc}`,
    stop,
    async spans(traceId) {
      const text = await readFile(join(folder, tracesFile), 'utf8');
      const lines = text.split('\n').filter((line) => line !== '');
      return lines
        .flatMap((line) => (JSON.parse(line) as Batch).resourceSpans)
        .flatMap(({ resource, scopeSpans }) => {
          const names = resource.attributes?.filter(({ key }) => key === 'service.name') ?? [];
          const service = names[0]?.value.stringValue ?? '';
          return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, service })));
        })
        .filter((span) => span.traceId === traceId);
    },
  };
}
