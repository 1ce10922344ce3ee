import { expect, test } from 'vitest';
import { staleFiles } from '../../crds/generate/write.ts';
import { referencePages } from './generate-reference.ts';

test('the pages of endpoints and errors are as the tables say', async () => {
  expect(await staleFiles(referencePages())).toEqual([]);
});
