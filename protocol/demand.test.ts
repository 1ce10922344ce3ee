import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changesOf, DemandReader, type DemandState, encodeDemand, modelKey } from './demand.ts';

const anyState = fc
  .record({
    models: fc.uniqueArray(
      fc.record({
        namespace: fc.constantFrom('a', 'b'),
        name: fc.constantFrom('x', 'y', 'z'),
        inFlight: fc.integer({ min: 1, max: 3 }),
      }),
      { selector: modelKey },
    ),
    pods: fc.uniqueArray(
      fc
        .record({
          uid: fc.constantFrom('1', '2', '3', '4'),
          inFlight: fc.nat(2),
          draining: fc.boolean(),
        })
        .filter(({ inFlight, draining }) => inFlight > 0 || draining),
      { selector: ({ uid }) => uid },
    ),
  })
  .map(
    ({ models, pods }): DemandState => ({
      models: new Map(models.map((model) => [modelKey(model), model])),
      pods: new Map(pods.map((pod) => [pod.uid, pod])),
    }),
  );

const bytes = (text: string) => new TextEncoder().encode(text);
const full = ({ models, pods }: DemandState) =>
  encodeDemand({ full: true, models: [...models.values()], pods: [...pods.values()] });

test('a reader knows what was told, however it is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(anyState, { minLength: 1 }), fc.nat(20), (states, size) => {
      const [first, ...later] = states;
      let known = first!;
      let text = full(known);
      for (const state of later) {
        text += encodeDemand(changesOf(known, state));
        known = state;
      }
      const reader = new DemandReader();
      const all = bytes(text);
      for (let at = 0; at < all.length; at += size + 1) reader.push(all.slice(at, at + size + 1));
      expect(reader.pods).toEqual(known.pods);
      expect(reader.models).toEqual(known.models);
    }),
  );
});

test('the same state has no changes', () => {
  fc.assert(
    fc.property(anyState, (state) => {
      expect(changesOf(state, state)).toEqual({ full: false, models: [], pods: [] });
    }),
  );
});

test('a full message forgets what was before', () => {
  const reader = new DemandReader();
  const pod = { uid: '1', inFlight: 2, draining: false };
  reader.push(bytes(encodeDemand({ full: true, models: [], pods: [pod] })));
  expect(reader.pods.get('1')).toEqual(pod);
  reader.push(bytes(encodeDemand({ full: true, models: [], pods: [] })));
  expect(reader.pods.size).toBe(0);
});

test('an old reader reads a newer writer', () => {
  const reader = new DemandReader();
  const newer = {
    full: true,
    region: 'north',
    models: [{ namespace: 'a', name: 'x', inFlight: 1, held: 7 }],
    pods: [{ uid: '1', inFlight: 1, draining: true, pendingTokens: 9 }],
  };
  expect(reader.push(bytes(`${JSON.stringify(newer)}\n`))).toEqual([
    {
      full: true,
      models: [{ namespace: 'a', name: 'x', inFlight: 1 }],
      pods: [{ uid: '1', inFlight: 1, draining: true }],
    },
  ]);
});

test.each(['nonsense', '{}', '{"full":true,"models":[],"pods":[{"uid":"1","inFlight":-1}]}'])(
  'what is no message is an error: %s',
  (line) => {
    expect(() => new DemandReader().push(bytes(`${line}\n`))).toThrow();
  },
);
