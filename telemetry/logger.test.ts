import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFlatLogger, createLogger } from './logger.ts';

const about = { program: 'fairlead-router', version: '1.2.3' };

function linesOf() {
  const lines: string[] = [];
  return { lines, sink: { write: (line: string) => void lines.push(line) } };
}

test('a flat logger writes what pino writes', async () => {
  const field = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.array(fc.string()),
    fc.constant(undefined),
  );
  const fields = fc.record({ model: field, status: field, finish_reasons: field, tenant: field });
  await fc.assert(
    fc.asyncProperty(fields, async (given) => {
      const [ours, theirs] = [linesOf(), linesOf()];
      createFlatLogger(about, ours.sink).info(given, 'request');
      createLogger({ ...about, level: 'info' }, theirs.sink).info(given, 'request');
      await new Promise((resolve) => setImmediate(resolve));
      const [mine = '', pinos = ''] = [ours.lines[0], theirs.lines[0]];
      expect(mine.endsWith('}\n')).toBe(true);
      expect({ ...JSON.parse(mine), ts: '' }).toEqual({ ...JSON.parse(pinos), ts: '' });
      expect(Number.isNaN(Date.parse(JSON.parse(mine).ts))).toBe(false);
    }),
  );
});
