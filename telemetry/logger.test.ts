import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createFlatLogger, createLogger, flushLogger, standardOutput } from './logger.ts';

const about = { program: 'fairlead-router', version: '1.2.3' };

function linesOf() {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  return { lines, sink: { write, writeBytes: (bytes: Buffer) => write(bytes.toString()) } };
}

test('a flat logger writes what pino writes', () => {
  const field = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    // As durations are.
    fc.nat(2 ** 31 - 1).map((thousandths) => thousandths / 1000),
    fc.boolean(),
    fc.array(fc.string()),
    fc.constant(undefined),
  );
  const fields = fc.record({ model: field, status: field, finish_reasons: field, tenant: field });
  const [ours, theirs] = [linesOf(), linesOf()];
  const flat = createFlatLogger(about, ours.sink);
  const pinos = createLogger({ ...about, level: 'info' }, theirs.sink);
  fc.assert(
    fc.property(fields, (given) => {
      flat.info(given, 'request');
      flat.flush();
      pinos.info(given, 'request');
      const [mine = '', other = ''] = [ours.lines.pop(), theirs.lines.pop()];
      expect(mine.endsWith('}\n')).toBe(true);
      expect({ ...JSON.parse(mine), ts: '' }).toEqual({ ...JSON.parse(other), ts: '' });
      expect(Number.isNaN(Date.parse(JSON.parse(mine).ts))).toBe(false);
    }),
  );
});

test('lines go out together after a while, at a flush, or when they are many', async () => {
  const { lines, sink } = linesOf();
  const flat = createFlatLogger(about, sink);
  const tenants = () => lines.map((all) => [...all.matchAll(/"tenant":"(.)/g)].map(([, of]) => of));
  for (const tenant of ['a', 'b']) flat.info({ tenant }, 'request');
  expect(lines).toEqual([]);
  await vi.waitFor(() => expect(lines).toHaveLength(1), 50_000);
  flat.info({ tenant: 'c' }, 'request');
  flat.flush();
  flat.flush();
  expect(tenants()).toEqual([['a', 'b'], ['c']]);
  flat.info({ tenant: 'd'.repeat(300_000) }, 'request');
  expect(tenants()).toEqual([['a', 'b'], ['c'], ['d']]);
});

test('a file has the lines of both loggers in whole', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-log-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const sink = standardOutput(join(folder, 'log'));
  const flat = createFlatLogger(about, sink);
  const log = createLogger({ ...about, level: 'info' }, sink);
  for (let at = 0; at < 500; at++) {
    flat.info({ tenant: `${at} é` }, 'request');
    if (at % 100 === 0) log.info({ tenant: `${at} é` }, 'event');
  }
  flat.flush();
  await flushLogger(log);
  const lines = (await readFile(join(folder, 'log'), 'utf8')).trimEnd().split('\n');
  const said = lines.map((line) => JSON.parse(line) as Record<string, string>);
  const of = (msg: string) => said.filter((one) => one.msg === msg).map(({ tenant }) => tenant);
  expect(of('request')).toEqual(Array.from({ length: 500 }, (_, at) => `${at} é`));
  expect(of('event')).toEqual(['0 é', '100 é', '200 é', '300 é', '400 é']);
});
