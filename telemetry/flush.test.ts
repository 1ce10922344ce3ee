import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startOtlpReceiver } from './testing/otlp-receiver.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

/** Starts the program; its spans wait for an hour unless it shuts down. */
async function startSpanning(spans: number, env: Record<string, string>): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'testing/spanning-process.ts'), [String(spans)], {
    env: {
      ...process.env,
      OTEL_TRACES_SAMPLER: 'always_on',
      OTEL_BSP_SCHEDULE_DELAY: '3600000',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '16384',
      ...env,
    },
  });
  cleanUp.push(() => child.kill('SIGKILL'));
  await once(child, 'message');
  return child;
}

async function terminated(child: ChildProcess): Promise<number | null> {
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  return code;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

test.each(['http/protobuf', 'http/json'])(
  'SIGTERM sends all spans that wait: %s',
  async (protocol) => {
    const receiver = await startOtlpReceiver();
    cleanUp.push(() => receiver.stop());
    const child = await startSpanning(2_000, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    });
    expect(receiver.spans).toHaveLength(0);
    expect(await terminated(child)).toBe(0);
    expect(new Set(receiver.spans.map(({ name }) => name)).size).toBe(2_000);
    const services = receiver.spans.map(({ resource }) => resource['service.name']);
    expect(new Set(services)).toEqual(new Set(['spanning']));
  },
);

test('a small queue makes small batches', async () => {
  const receiver = await startOtlpReceiver();
  cleanUp.push(() => receiver.stop());
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_MAX_QUEUE_SIZE: '100' };
  await terminated(await startSpanning(1_000, env));
  expect(receiver.spans).toHaveLength(1_000);
});

test('a collector that never answers does not keep the process', async () => {
  // Ten minutes would pass without the cap of 3 s: the exporter is told to wait that long.
  const dead = createTcpServer((socket) => {
    socket.on('error', () => {});
    cleanUp.push(() => socket.destroy());
  });
  const port = await listening(dead);
  const child = await startSpanning(100, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
  });
  const asked = once(dead, 'connection');
  expect(await terminated(child)).toBe(0);
  await asked;
});

test('http/protobuf is the default, grpc goes where it is asked for', async () => {
  const types: (string | undefined)[] = [];
  const http = createServer((request, response) => {
    types.push(request.headers['content-type']);
    request.resume().on('end', () => response.end());
  });
  const endpoint = `http://127.0.0.1:${await listening(http)}`;
  await terminated(await startSpanning(1, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }));
  expect(types).toEqual(['application/x-protobuf']);

  let preface = '';
  const grpc = createTcpServer((socket) => {
    cleanUp.push(() => socket.destroy());
    socket.on('error', () => {});
    socket.on('data', (data) => {
      preface += data.toString('latin1');
    });
  });
  const grpcEndpoint = `http://127.0.0.1:${await listening(grpc)}`;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: grpcEndpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  await terminated(await startSpanning(1, env));
  expect(preface).toMatch(/^PRI \* HTTP\/2\.0/);
});
