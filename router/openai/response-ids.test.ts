import { expect, test } from 'vitest';
import { ResponseIds } from './response-ids.ts';

function learn(ids: ResponseIds, text: string, size = 1 << 20): void {
  const see = ids.learner('m');
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) see('r1', bytes.subarray(at, at + size));
}

test.each([
  ['an object', '{"id":"resp_1","object":"response"}'],
  ['an object with its keys in another order', '{"created_at": 1, "id": "resp_1", "output": []}'],
  ['a stream', 'event: response.created\ndata: {"response":{"id":"resp_1","model":"m"}}\n\n'],
  ['one that continues another', '{"previous_response_id":"resp_0","id":"resp_1"}'],
])('the id is learned from %s, however it comes in pieces', (_what, text) => {
  for (const size of [1, 5, 1 << 20]) {
    const ids = new ResponseIds();
    learn(ids, text, size);
    expect(ids.ownerOf('resp_1')).toEqual({ model: 'm', replicaId: 'r1' });
    expect(ids.ownerOf('resp_0')).toBeUndefined();
  }
});

test.each([
  ['what the model says', '{"output":[{"text":"\\"id\\":\\"resp_1\\""}]}'],
  ['the id of an item', '{"output":[{"id":"msg_1"}]}'],
  ['what stands far behind', `{"text":"${'x'.repeat(20_000)}","id":"resp_1"}`],
])('nothing is learned from %s', (_what, text) => {
  const ids = new ResponseIds();
  learn(ids, text, 1_000);
  expect(ids.ownerOf('resp_1')).toBeUndefined();
});

test('the oldest are forgotten first', () => {
  const ids = new ResponseIds();
  for (let number = 0; number < 20_001; number++) learn(ids, `{"id":"resp_${number}"}`);
  expect(ids.ownerOf('resp_0')).toBeUndefined();
  expect(ids.ownerOf('resp_1')).toBeDefined();
  expect(ids.ownerOf('resp_20000')).toBeDefined();
});
